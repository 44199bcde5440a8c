// One function per forge, each in the file of its name; handlers.cpp puts them in the table.
#pragma once
#include "handlers/handlers.h"

namespace gachette::handlers {

Forge github();
Forge gitlab();
Forge gitea();
Forge forgejo();
Forge gogs();
Forge bitbucket_cloud();
Forge bitbucket_datacenter();
Forge azure_devops();
Forge sourcehut();
Forge pagure();
Forge gerrit();
Forge standard_webhooks();
Forge generic();
Forge reconciler();  // beside the table: of our own making

}  // namespace gachette::handlers
