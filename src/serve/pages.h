// What a person sees in a browser: plain pages without scripts, made of values. Every text from outside is made
// printable and escaped here. Pure functions.
#pragma once
#include <string>
#include <vector>

#include "dispatch/hosts.h"
#include "store/store.h"

namespace gachette::serve {

// & < > " ' as entities, after printable().
std::string html(std::string_view text);

std::string overview_page(const Health& health, const std::vector<Job>& jobs, const std::vector<Delivery>& deliveries,
                          const std::vector<dispatch::HostState>& hosts);
std::string job_page(const Job& job);
std::string delivery_page(const Delivery& delivery, const std::vector<Job>& jobs);

}  // namespace gachette::serve
