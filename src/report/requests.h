// What each kind of destination is told, as a request ready to be sent. Pure functions: no clock, no network.
#pragma once
#include <string>

#include "base/result.h"
#include "model/configuration.h"
#include "report/message.h"
#include "store/store.h"

namespace gachette::report {

// A commit status in the words and limits of destination.kind (github, gitlab, gitea, forgejo, bitbucket-cloud,
// bitbucket-datacenter), with a link to the job's page below `external_url`. Fails with a sentence when that forge
// cannot be told, for example because the payload named no repository.
Result<Request> status_request(const Destination& destination, const ReportFacts& facts,
                               const std::string& external_url);

// A signed webhook (Standard Webhooks 1): `id` stays the same over all attempts, `now` (wall) is that of this attempt.
Result<Request> webhook_request(const Destination& destination, const Report& report, const std::string& id,
                                Milliseconds now, const std::string& external_url);

// The original's web callback: {"name", "version", "file_name"} of one package.
Result<Request> callback_request(const Destination& destination, const ReportFacts& facts);

// "v1," and the base64 of HMAC-SHA256 over id.timestamp.body with the key in `secret` (whsec_...). Fails for a secret
// of another form.
Result<std::string> webhook_signature(const std::string& secret, const std::string& id, const std::string& timestamp,
                                      const std::string& body);

// At most `limit` characters (not bytes) of printable text; what is cut ends in "...".
std::string shortened(std::string_view text, std::size_t limit);
// At most `limit` bytes, and still different for different texts: what is cut ends in 8 digits of a hash.
std::string short_key(const std::string& text, std::size_t limit);

}  // namespace gachette::report
