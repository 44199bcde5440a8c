// Deliveries and jobs as the API shows them: one JSON text each. Everything from outside is made printable; absent
// values are left out.
#pragma once
#include <string>
#include <vector>

#include "store/store.h"

namespace gachette::serve {

std::string delivery_json(const Delivery& delivery, const std::vector<Job>& jobs);
std::string deliveries_json(const std::vector<Delivery>& deliveries, int limit);
std::string job_json(const Job& job);
std::string jobs_json(const std::vector<Job>& jobs, int limit);
std::string health_json(const Health& health);

}  // namespace gachette::serve
