// The bytes of answers. Pure functions.
#pragma once
#include <string>
#include <string_view>

#include "door/door.h"
#include "door/head.h"

namespace gachette::door {

// How an answer is framed; the handler decides what it says, the door how it travels.
struct Framing {
    bool close = false;        // the connection ends after this answer
    bool chunked = false;      // streams to an HTTP/1.1 client
    bool until_close = false;  // streams to an HTTP/1.0 client: no length, the end of the connection is the end
};

// The status line and the fields, with the empty line. Fields that are the door's (Content-Length, Connection, Date,
// Transfer-Encoding) and fields that would break the head are left out.
std::string render_head(const Response& response, const Framing& framing, std::string_view date);
// True for statuses that never have a body (1xx, 204, 304).
bool bodiless(int status);
// {"error": sentence}
Response refusal_response(const Refusal& refusal);
// One chunk of the chunked coding (RFC 9112, section 7.1); nothing for no bytes.
std::string chunk(std::string_view bytes);
inline constexpr std::string_view last_chunk = "0\r\n\r\n";
inline constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";
// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string http_date(Milliseconds wall);

}  // namespace gachette::door
