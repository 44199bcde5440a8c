// The fields of an HTTP head as they came, in order, values not decoded. A value type.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gachette {

struct Header {
    std::string name;
    std::string value;
    friend bool operator==(const Header&, const Header&) = default;
};

class Headers {
public:
    Headers() = default;
    Headers(std::initializer_list<Header> fields) : fields_(fields) {}

    void add(std::string name, std::string value) { fields_.push_back({std::move(name), std::move(value)}); }
    // How many fields of this name there are; names compare without case (RFC 9110, section 5.1).
    std::size_t count(std::string_view name) const;
    // The value if the field is there exactly once; a field that comes twice is as good as none.
    std::optional<std::string_view> only(std::string_view name) const;
    const std::vector<Header>& all() const { return fields_; }
    bool empty() const { return fields_.empty(); }

private:
    std::vector<Header> fields_;
};

}  // namespace gachette
