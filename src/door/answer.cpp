#include "door/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/text.h"
#include "door/framing.h"

namespace gachette::door {

namespace {

struct Reason {
    int status;
    std::string_view text;
};

constexpr Reason reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

std::string_view reason_of(int status) {
    const auto* const found =
        std::find_if(std::begin(reasons), std::end(reasons), [&](const Reason& r) { return r.status == status; });
    return found == std::end(reasons) ? "Other" : found->text;
}

bool fit_for_head(const Header& field) {
    static constexpr std::array<std::string_view, 4> of_the_door{"content-length", "connection", "date",
                                                                 "transfer-encoding"};
    if (field.name.empty() || !std::all_of(field.name.begin(), field.name.end(), token_character)) return false;
    if (std::any_of(field.value.begin(), field.value.end(), control_character)) return false;
    return std::find(of_the_door.begin(), of_the_door.end(), lower(field.name)) == of_the_door.end();
}

std::string json_text(std::string_view text) {
    std::string out = "\"";
    for (const char c : printable(text)) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

}  // namespace

bool bodiless(int status) { return status < 200 || status == 204 || status == 304; }

std::string render_head(const Response& response, const Framing& framing, std::string_view date) {
    std::string out;
    out.reserve(256);
    out.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ").append(reason_of(response.status));
    out.append("\r\nDate: ").append(date).append("\r\n");
    for (const Header& field : response.headers.all())
        if (fit_for_head(field)) out.append(field.name).append(": ").append(field.value).append("\r\n");
    if (framing.chunked)
        out.append("Transfer-Encoding: chunked\r\n");
    else if (!framing.until_close && !bodiless(response.status))
        out.append("Content-Length: ").append(std::to_string(response.body.size())).append("\r\n");
    if (framing.close) out.append("Connection: close\r\n");
    return out.append("\r\n");
}

Response refusal_response(const Refusal& refusal) {
    Response response;
    response.status = refusal.status;
    response.headers.add("Content-Type", "application/json");
    response.body = "{\"error\": " + json_text(refusal.sentence) + "}\n";
    return response;
}

std::string chunk(std::string_view bytes) {
    if (bytes.empty()) return {};
    std::string out = fmt::format("{:x}\r\n", bytes.size());
    return out.append(bytes).append("\r\n");
}

std::string http_date(Milliseconds wall) {
    static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t seconds = wall / 1000;
    std::tm t{};
    ::gmtime_r(&seconds, &t);
    return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", days[t.tm_wday], t.tm_mday, months[t.tm_mon],
                       t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

}  // namespace gachette::door
