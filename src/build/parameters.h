// The parameters of the host program (host/60-job.pl says what each means). Pure.
#pragma once
#include "build/working_copy.h"
#include "remote/conversation.h"

namespace gachette::build {

remote::Parameters job_parameters(const JobRequest& request);
remote::Parameters prepare_parameters(const PrepareRequest& request);
remote::Parameters build_parameters(const BuildRequest& request);

// The folder of a ref's work tree on the host: what is readable of it and a digest of all of it, so that no two share
// one.
std::string slot_name(std::string_view ref);
// The folder of a repository's store: the project (or "copy") and a digest of the address.
std::string repository_name(std::string_view project, std::string_view url);
// What a revision is called in {ref}: ("branch", "main") for origin/main and refs/heads/main.
std::pair<RefKind, std::string> name_of_revision(std::string_view revision);

}  // namespace gachette::build
