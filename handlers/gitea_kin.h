// What Gitea, Forgejo and Gogs have in common: they descend from one program.
#pragma once
#include <string_view>

#include "handlers/handlers.h"
#include "handlers/reading.h"
#include "handlers/signatures.h"

namespace gachette::handlers {

// HMAC over the JSON text, which a form body or a query holds encoded.
Authenticity check_json_hmac(const Request& request, const Hook& hook, std::string_view header);
// A push of `forge`. Equal ids before and after are the test button's.
Reading read_kin_push(Value root, std::string_view forge);
// "create" and "delete" say a short name (Forgejo: a full one) and ref_type.
Reading read_kin_deletion(Value root, std::string_view forge);
RepositoryIdentity kin_repository(Value repository, std::string_view forge);
// The full ref of a create or delete, empty with `problem` filled if there is none.
std::string kin_ref(Value root, std::string& problem);
// The login of whoever did it.
std::string kin_user(Value root);
// All three accept a body as it is or as the form field "payload".
Headers sign_kin(std::string_view family, const Secret& secret, std::string_view event, std::string_view body,
                 Milliseconds now);

// The reader of Gitea and Forgejo, which differ in the names of their headers only.
Reading read_gitea(const Request& request, std::string_view forge, std::string_view event_header);

}  // namespace gachette::handlers
