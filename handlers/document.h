// A JSON document from a stranger, read only and bounded: at most 64 levels deep, valid UTF-8, nothing before or after
// the one value, no key twice in an object that is read. document.cpp is the one file that knows simdjson.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gachette::handlers {

class DocumentText;

// One value of a document; "missing" where a path leads nowhere. Cheap to copy; lives as long as its document.
class Value {
public:
    enum class Type { missing, null, boolean, number, text, list, object };

    Value() = default;
    Type type() const;
    bool missing() const { return type() == Type::missing; }
    // Neither missing nor null.
    bool present() const { return type() != Type::missing && type() != Type::null; }

    // The member of an object; missing if this is no object. A key that is there twice is noted in the document.
    Value operator[](std::string_view key) const;
    // The element of a list; missing if this is no list or it is shorter. Takes time in proportion to the index.
    Value at(std::size_t index) const;
    // The value a JSON pointer (RFC 6901) names.
    Value at_pointer(std::string_view pointer) const;
    // Calls visit(Value) for each element of a list until it returns false; nothing if this is no list.
    template <typename Visit>
    void each(Visit visit) const {
        walk(&visit, [](void* context, Value element) { return (*static_cast<Visit*>(context))(element); });
    }
    // Whether this is a list without elements.
    bool empty_list() const { return type() == Type::list && at(0).missing(); }

    // What the value is, if it is that.
    std::optional<std::string_view> text() const;
    std::optional<bool> boolean() const;
    // A text, or a whole number as its digits: forges write ids both ways.
    std::optional<std::string> id() const;

private:
    friend class Document;
    friend class DocumentText;
    // Room for simdjson's own handle on an element, which is two words.
    using Handle = std::array<std::uintptr_t, 2>;
    Value(const DocumentText* document, Handle handle) : document_(document), handle_(handle) {}
    void walk(void* context, bool (*visit)(void*, Value)) const;

    const DocumentText* document_ = nullptr;  // none: missing
    Handle handle_{};
};

class Document {
public:
    // Fails with what is wrong with the text: "a byte order mark stands before the document". A document of more than
    // 1 MB waits until no other such document is open in the process, so a thread must not open two of them.
    static Result<Document> parse(std::string_view json);
    Document(Document&&) noexcept;
    ~Document();

    Value root() const;
    // The first key that was looked up in an object that has it twice; empty if there was none.
    const std::string& key_found_twice() const;

private:
    explicit Document(std::unique_ptr<DocumentText> text);
    std::unique_ptr<DocumentText> text_;
};

// Whether a text is a JSON pointer.
bool valid_pointer(std::string_view pointer);

}  // namespace gachette::handlers
