#include "handlers/document.h"

#include <simdjson.h>

#include <bit>
#include <mutex>

#include "base/text.h"

namespace gachette::handlers {

namespace {

namespace dom = simdjson::dom;

constexpr std::size_t deepest = 64;
constexpr std::size_t large = 1024 * 1024;

// A parser keeps its buffers between documents: allocating them costs more than parsing a push.
thread_local std::unique_ptr<dom::parser> spare_parser;

std::unique_ptr<dom::parser> take_parser() {
    if (spare_parser) return std::move(spare_parser);
    auto parser = std::make_unique<dom::parser>();
    // Depth is counted from one, so a limit of 65 lets 64 levels through.
    if (parser->allocate(64 * 1024, deepest + 1) != simdjson::SUCCESS) throw std::bad_alloc();
    return parser;
}

// simdjson needs some 20 bytes of memory for each value, so large documents are counted first (signs within texts too,
// which makes this an upper bound) and opened one at a time. A push that fills 25 MB has about a million.
constexpr std::size_t most_values = 4'000'000;

bool too_many_values(std::string_view json) {
    std::size_t signs = 0;
    for (const char c : json) signs += c == ',' || c == '[' || c == '{';
    return signs > most_values;
}

std::mutex& one_large_document() {
    static std::mutex mutex;
    return mutex;
}

std::string_view problem_of(simdjson::error_code error) {
    switch (error) {
        case simdjson::DEPTH_ERROR:
            return "it is nested deeper than 64 levels";
        case simdjson::UTF8_ERROR:
            return "it is not valid UTF-8";
        case simdjson::EMPTY:
            return "it is empty";
        case simdjson::STRING_ERROR:
        case simdjson::UNESCAPED_CHARS:
            return "a text holds a broken escape or a control character";
        case simdjson::UNCLOSED_STRING:
            return "a text does not end";
        case simdjson::NUMBER_ERROR:
            return "a number is malformed or too large";
        case simdjson::MEMALLOC:
        case simdjson::CAPACITY:
            return "it is too large for the memory there is";
        default:
            return "a comma, colon, bracket or value is missing or out of place";
    }
}

}  // namespace

class DocumentText {
public:
    DocumentText(std::unique_ptr<dom::parser> parser, std::unique_lock<std::mutex> lock)
        : lock_(std::move(lock)), parser_(std::move(parser)) {}
    ~DocumentText() {
        if (parser_->capacity() <= large) spare_parser = std::move(parser_);
    }
    DocumentText(const DocumentText&) = delete;
    DocumentText& operator=(const DocumentText&) = delete;

    Value wrap(dom::element element) const { return Value(this, std::bit_cast<Value::Handle>(element)); }
    static dom::element element_of(const Value& value) { return std::bit_cast<dom::element>(value.handle_); }

    dom::element root;
    mutable std::string found_twice;

private:
    std::unique_lock<std::mutex> lock_;
    std::unique_ptr<dom::parser> parser_;
};

Value::Type Value::type() const {
    if (!document_) return Type::missing;
    switch (DocumentText::element_of(*this).type()) {
        case dom::element_type::ARRAY:
            return Type::list;
        case dom::element_type::OBJECT:
            return Type::object;
        case dom::element_type::STRING:
            return Type::text;
        case dom::element_type::BOOL:
            return Type::boolean;
        case dom::element_type::NULL_VALUE:
            return Type::null;
        case dom::element_type::INT64:
        case dom::element_type::UINT64:
        case dom::element_type::DOUBLE:
            return Type::number;
    }
    return Type::missing;
}

Value Value::operator[](std::string_view key) const {
    if (type() != Type::object) return {};
    Value found;
    for (const auto field : dom::object(DocumentText::element_of(*this))) {
        if (field.key != key) continue;
        if (!found.missing() && document_->found_twice.empty()) document_->found_twice = key;
        found = document_->wrap(field.value);
    }
    return found;
}

Value Value::at(std::size_t index) const {
    if (type() != Type::list) return {};
    dom::element element;
    if (DocumentText::element_of(*this).at(index).get(element) != simdjson::SUCCESS) return {};
    return document_->wrap(element);
}

Value Value::at_pointer(std::string_view pointer) const {
    if (pointer.empty()) return *this;
    Value value = *this;
    for (const std::string& part : split(pointer.substr(1), '/')) {
        std::string key;
        for (std::size_t i = 0; i < part.size(); ++i) {
            const bool escape = part[i] == '~' && i + 1 < part.size();
            key += escape ? (part[++i] == '1' ? '/' : '~') : part[i];
        }
        if (value.type() == Type::list) {
            const auto index = parse_decimal(key);
            value = index && (key == "0" || key.front() != '0') ? value.at(static_cast<std::size_t>(*index)) : Value();
        } else {
            value = value[key];
        }
    }
    return value;
}

std::optional<std::string_view> Value::text() const {
    if (type() != Type::text) return std::nullopt;
    return DocumentText::element_of(*this).get_string().value_unsafe();
}

std::optional<bool> Value::boolean() const {
    if (type() != Type::boolean) return std::nullopt;
    return DocumentText::element_of(*this).get_bool().value_unsafe();
}

std::optional<std::string> Value::id() const {
    if (const auto string = text()) return std::string(*string);
    if (type() != Type::number) return std::nullopt;
    const dom::element element = DocumentText::element_of(*this);
    if (element.type() == dom::element_type::INT64) return std::to_string(element.get_int64().value_unsafe());
    if (element.type() == dom::element_type::UINT64) return std::to_string(element.get_uint64().value_unsafe());
    return std::nullopt;
}

void Value::walk(void* context, bool (*visit)(void*, Value)) const {
    if (type() != Type::list) return;
    for (const dom::element element : dom::array(DocumentText::element_of(*this)))
        if (!visit(context, document_->wrap(element))) return;
}

Result<Document> Document::parse(std::string_view json) {
    if (json.starts_with("\xef\xbb\xbf")) return fail("a byte order mark stands before the document");
    std::unique_lock<std::mutex> lock;
    if (json.size() > large) {
        if (too_many_values(json)) return fail("it has more than 4000000 values");
        lock = std::unique_lock(one_large_document());
    }
    auto parser = take_parser();
    dom::element root;
    const simdjson::error_code error = parser->parse(json.data(), json.size()).get(root);
    auto text = std::make_unique<DocumentText>(std::move(parser), std::move(lock));
    if (error != simdjson::SUCCESS) return fail(std::string(problem_of(error)));
    text->root = root;
    return Document(std::move(text));
}

Document::Document(std::unique_ptr<DocumentText> text) : text_(std::move(text)) {}
Document::Document(Document&&) noexcept = default;
Document::~Document() = default;

Value Document::root() const { return text_->wrap(text_->root); }

const std::string& Document::key_found_twice() const { return text_->found_twice; }

bool valid_pointer(std::string_view pointer) {
    if (!pointer.empty() && pointer.front() != '/') return false;
    for (std::size_t i = 0; i < pointer.size(); ++i)
        if (pointer[i] == '~' && (i + 1 == pointer.size() || (pointer[i + 1] != '0' && pointer[i + 1] != '1')))
            return false;
    return true;
}

}  // namespace gachette::handlers
