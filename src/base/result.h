// Answers are values: a function whose "no" its caller expects returns Result<T>, with one plain sentence as the error.
// The sentence says what, where and what to do; it never holds a secret. Accidents are exceptions (base/error.h).
#pragma once
#include <string>
#include <tl/expected.hpp>

namespace gachette {

template <typename T>
using Result = tl::expected<T, std::string>;

// return fail("project \"x\": no url; add projects.x.url");
inline tl::unexpected<std::string> fail(std::string message) { return tl::unexpected<std::string>(std::move(message)); }

}  // namespace gachette
