// Short lists of texts as the content of one column: netstrings ("5:hello,"), so that any byte may occur. Pure
// functions. Unpacking throws StoreError for content that is not whole: the file is damaged.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/headers.h"
#include "model/plan.h"

namespace gachette::store {

std::string pack(const std::vector<std::string>& texts);
std::vector<std::string> unpack(std::string_view packed);

std::string pack_headers(const Headers& headers);
Headers unpack_headers(std::string_view packed);

std::string pack_decisions(const std::vector<Decision>& decisions);
std::vector<Decision> unpack_decisions(std::string_view packed);

}  // namespace gachette::store
