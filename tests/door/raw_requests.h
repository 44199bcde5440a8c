// Raw requests and what the door answers to each: 200 keeps the connection, anything else closes it.
#pragma once
#include <string>
#include <vector>

namespace gachette::testing {

struct RawRequest {
    std::string bytes;
    int status;
    bool closes = true;  // only asked for 200
};

inline std::string request_with(const std::string& fields, const std::string& body = "") {
    return "POST /a HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n" + body;
}

inline std::string repeated(std::size_t count, const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += text;
    return out;
}

inline bool is_token_byte(unsigned char c) {
    return std::isalnum(c) ||
           (c != 0 && std::string("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string::npos);
}

inline void add_request_lines(std::vector<RawRequest>& rows) {
    const std::string rest = "\r\nHost: x\r\n\r\n";
    for (const char* line : {
             "GET",
             "GET ",
             "GET /",
             "GET / ",
             "GET  / HTTP/1.1",
             "GET /  HTTP/1.1",
             "GET / HTTP/1.1 ",
             " GET / HTTP/1.1",
             "\tGET / HTTP/1.1",
             "GET\t/ HTTP/1.1",
             "GET\t/\tHTTP/1.1",
             "GET /\tHTTP/1.1",
             "GET / http/1.1",
             "GET / Http/1.1",
             "GET / HTTP/1",
             "GET / HTTP/11",
             "GET / HTTP/1.",
             "GET / HTTP/.1",
             "GET / HTTP/1,1",
             "GET / HTTP 1.1",
             "GET / HTTP/ 1.1",
             "GET / HTTP/1.1x",
             "GET / HTTP/1.10",
             "GET / HTTP/01.1",
             "GET / HTTP/a.b",
             "GET / HTTP/-1.1",
             "GET / HTTPS/1.1",
             "GET / ICY/1.0",
             "GET / FTP/1.1",
             "GET / HTTP/1.1 HTTP/1.1",
             "GET / x HTTP/1.1",
             "GET HTTP/1.1",
             "/ HTTP/1.1",
             "HTTP/1.1 200 OK",
             "get / HTTP/1.1",
             "Get / HTTP/1.1",
             "gET / HTTP/1.1",
             "GET: / HTTP/1.1",
             "GE(T / HTTP/1.1",
             "G@T / HTTP/1.1",
             "GET, / HTTP/1.1",
             "\"GET\" / HTTP/1.1",
             "{} / HTTP/1.1",
             "[GET] / HTTP/1.1",
             "GET/ HTTP/1.1",
             "GET /HTTP/1.1",
             "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1",
             "\xef\xbb\xbfGET / HTTP/1.1",
             "G\xc3\x89T / HTTP/1.1",
         })
        rows.push_back({line + rest, 400});
    for (const char* version : {"2.0", "0.9", "1.2", "1.9", "3.0", "0.0", "9.9", "2.1"})
        rows.push_back({std::string("GET / HTTP/") + version + rest, 505});
    rows.push_back({"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505});
    rows.push_back({"\r\nGET / HTTP/1.1" + rest, 400});
    rows.push_back({"\r\n\r\n", 400});
    rows.push_back({"\nGET / HTTP/1.1" + rest, 400});
    rows.push_back({std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), 400});  // TLS to a plain port
    rows.push_back({std::string("\0\0\0\0", 4), 400});
    for (const char* method : {"GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "M-SEARCH", "FOO", "X",
                               "VERSION-CONTROL", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF", "A1", "A_B", "A.B", "A~"})
        rows.push_back({method + std::string(" / HTTP/1.1") + rest, 200, false});
}

inline void add_targets(std::vector<RawRequest>& rows) {
    const auto row = [&](const std::string& target, int status) {
        rows.push_back({"GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n", status, status != 200});
    };
    for (const char* target :
         {"*",           "a",       "a/b",         "http://x/",   "https://x/a", "http://evil.example/a",
          "x:443",       "?a=b",    "%2f",         "//a#b",       "/a#",         "/#",
          "/%",          "/%4",     "/%zz",        "/%4z",        "/a%",         "/a%2",
          "/%00",        "/a%00b",  "/%0a",        "/%0d%0aX:y",  "/%09",        "/%7f",
          "/%1b[31m",    "/.",      "/..",         "/./",         "/../",        "/a/.",
          "/a/..",       "/a/./b",  "/a/../b",     "/%2e",        "/%2e%2e",     "/%2E%2e/",
          "/a/%2e%2e/b", "/a/.%2e", "/a%2f..%2fb", "/a%2f%2e%2e", "/\x80",       "/\xc3\xa4",
          "\\a",         ";/a",     "@/",          "/..?a",       "/a/..?x=/b"})
        row(target, 400);
    for (const char* target :
         {"/",          "//",     "/a",     "/a?b",    "/a?",         "/?",   "/a?b?c", "/a?%zz", "/a?..",
          "/a?x=/../y", "/a%20b", "/a%2Fb", "/%C3%A4", "/...",        "/..a", "/.a",    "/a..",   "/a;b=c",
          "/a:b",       "/a@b",   "/a,b",   "/a'b",    "/a\"b",       "/<a>", "/{a}",   "/[a]",   "/a|b",
          "/a\\b",      "/a^b",   "/a`b",   "/a~b",    "/a!$&()*+=b", "/%ff", "/+",     "/a//b"})
        row(target, 200);
    for (int byte = 0; byte < 256; ++byte) {
        const char c = static_cast<char>(byte);
        const bool fine = byte > 0x20 && byte < 0x7f && c != '#' && c != '%';
        row(std::string("/z") + c + "zz", fine ? 200 : 400);
    }
    row("/" + std::string(2047, 'a'), 200);
    row("/" + std::string(2048, 'a'), 414);
    row("/" + std::string(2049, 'a'), 414);
    row("/?" + std::string(20000, 'a'), 414);
    rows.push_back({"GET /" + std::string(100'000, 'a'), 414});
    rows.push_back({std::string(100'000, 'A'), 400});
}

inline void add_hosts(std::vector<RawRequest>& rows) {
    const auto row = [&](const std::string& fields, int status) {
        rows.push_back({"GET / HTTP/1.1\r\n" + fields + "\r\n", status, status != 200});
    };
    for (const char* fields : {"",
                               "X: y\r\n",
                               "Host:\r\n",
                               "Host: \r\n",
                               "Host: x\r\nHost: x\r\n",
                               "Host: x\r\nhost: y\r\n",
                               "Host: x\r\nHOST: x\r\n",
                               "Host: a b\r\n",
                               "Host: a/b\r\n",
                               "Host: a@b\r\n",
                               "Host: a?b\r\n",
                               "Host: a#b\r\n",
                               "Host: a,b\r\n",
                               "Host: \"a\"\r\n",
                               "Host: a\\b\r\n",
                               "Host: <a>\r\n",
                               "Host: \xc3\xa4\r\n",
                               "Host: http://x\r\n",
                               "Host : x\r\n",
                               " Host: x\r\n",
                               "Host x\r\n",
                               "Host: a\tb\r\n"})
        row(fields, 400);
    for (const char* fields :
         {"Host: x\r\n", "Host:x\r\n", "hOsT: x\r\n", "Host: x:80\r\n", "Host: [::1]:80\r\n", "Host: 127.0.0.1\r\n",
          "Host: a.b-c_d~e\r\n", "Host:  x \t\r\n", "X: Host\r\nHost: x\r\n"})
        row(fields, 200);
    rows.push_back({"GET / HTTP/1.0\r\n\r\n", 200, true});
    rows.push_back({"GET / HTTP/1.0\r\nHost: x\r\n\r\n", 200, true});
    rows.push_back({"GET / HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n", 400});
    rows.push_back({"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, true});
}

inline void add_fields(std::vector<RawRequest>& rows) {
    for (const char* fields : {"A : b\r\n",
                               "A\t: b\r\n",
                               " A: b\r\n",
                               "\tA: b\r\n",
                               "A: b\r\n c\r\n",
                               "A: b\r\n\tc\r\n",
                               "A: b\r\n \r\n",
                               ": b\r\n",
                               ":\r\n",
                               "A\r\n",
                               "A b\r\n",
                               "A b: c\r\n",
                               "A,B: c\r\n",
                               "A;B: c\r\n",
                               "A=B: c\r\n",
                               "(A): c\r\n",
                               "<A>: c\r\n",
                               "A@B: c\r\n",
                               "A[0]: c\r\n",
                               "{A}: c\r\n",
                               "\"A\": c\r\n",
                               "A/B: c\r\n",
                               "A?B: c\r\n",
                               "A\\B: c\r\n",
                               "\xc3\xa4: c\r\n",
                               "A: b\n",
                               "A: b\nC: d\r\n",
                               "A: b\rC: d\r\n",
                               "A: b\r\r\n",
                               "A: b\r\n\rB: c\r\n",
                               "\rA: b\r\n",
                               "A\r: b\r\n",
                               "A:\rb\r\n",
                               "\n",
                               "\nGET /b HTTP/1.1\r\n",
                               "GET /b HTTP/1.1\r\n",
                               "A: b\n\n",
                               "A: b\r\n\n"})
        rows.push_back({request_with(fields), 400});
    rows.push_back({"GET / HTTP/1.1\nHost: x\n\n", 400});
    rows.push_back({"GET / HTTP/1.1\r\nHost: x\n\n", 400});
    rows.push_back({"GET / HTTP/1.1\r\nHost: x\r\n\n", 400});
    rows.push_back({"GET / HTTP/1.1\rHost: x\r\r\n\r\n", 400});
    for (int byte = 0; byte < 256; ++byte) {
        const char c = static_cast<char>(byte);
        const auto u = static_cast<unsigned char>(byte);
        const bool name_fine = is_token_byte(u) || c == ':';
        rows.push_back({request_with(std::string("X-") + c + "z: v\r\n"), name_fine ? 200 : 400, !name_fine});
        const bool value_fine = byte == '\t' || (byte >= 0x20 && byte != 0x7f);
        rows.push_back({request_with(std::string("X-A: v") + c + "v\r\n"), value_fine ? 200 : 400, !value_fine});
    }
    for (const char* fields :
         {"A:b\r\n", "A:\r\n", "A: \r\n", "A:\t b \t\r\n", "A: b: c\r\n", "A: \"b\"\r\n", "A: b, c\r\n",
          "A: b\r\nA: b\r\n", "X-%41: %0d%0aB: c\r\n", "Range: bytes=0-0\r\n", "Range: bytes=0-0,0-0\r\n",
          "Upgrade: h2c\r\nConnection: Upgrade\r\n", "Connection: keep-alive\r\n", "Connection: x\r\n",
          "Connection: closed\r\n", "Trailer: x\r\n", "TE: trailers\r\n"})
        rows.push_back({request_with(fields), 200, false});
    for (const char* fields : {"Connection: close\r\n", "connection: CLOSE\r\n", "Connection: x, close\r\n",
                               "Connection: close ,x\r\n", "Connection: x\r\nConnection: close\r\n"})
        rows.push_back({request_with(fields), 200, true});
}

inline void add_bodies(std::vector<RawRequest>& rows) {
    const auto length = [&](const std::string& value, int status, const std::string& body = "") {
        rows.push_back({request_with("Content-Length: " + value + "\r\n", body), status, status != 200});
    };
    for (const char* value : {"",
                              " ",
                              "-1",
                              "+5",
                              "5 5",
                              "5,5",
                              "5, 5",
                              "5;",
                              "0x5",
                              "5.0",
                              "5e0",
                              "abc",
                              "\"5\"",
                              "5\t5",
                              "-0",
                              "+0",
                              "٥",
                              "1_0",
                              "0b1",
                              "5a",
                              "a5",
                              "NaN",
                              "-9223372036854775808",
                              "5\xc2\xa0"})
        length(value, 400, "12345");
    for (const char* value :
         {"26214401", "99999999999", "9223372036854775807", "9223372036854775808", "18446744073709551615",
          "18446744073709551616", "99999999999999999999999999", "0000000000000000000000000000005"})
        length(value, 413);
    for (const char* value : {"0", "00", "000"}) length(value, 200);
    for (const char* value : {"5", "05", "  5", "5  ", "000005"}) length(value, 200, "12345");
    rows.push_back({request_with("Content-Length: 5\r\nContent-Length: 5\r\n", "12345"), 400});
    rows.push_back({request_with("Content-Length: 5\r\ncontent-length: 6\r\n", "123456"), 400});
    rows.push_back({request_with("Content-Length: 0\r\nContent-Length: 0\r\n"), 400});
    rows.push_back({request_with("Content-Length : 5\r\n", "12345"), 400});
    rows.push_back({request_with("Content-Length:\r\n 5\r\n", "12345"), 400});
    const std::string chunks = "5\r\n12345\r\n0\r\n\r\n";
    for (const char* coding :
         {"chunked", "Chunked", " chunked", "xchunked", "chunked, identity", "identity", "gzip, chunked",
          "chunked\r\nTransfer-Encoding: chunked", "", "\tchunked", "'chunked'", "cow"})
        rows.push_back({request_with(std::string("Transfer-Encoding: ") + coding + "\r\n", chunks), 501});
    rows.push_back({request_with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", chunks), 400});
    rows.push_back({request_with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", chunks), 400});
    rows.push_back({request_with("Content-Length: 0\r\nTRANSFER-ENCODING: identity\r\n"), 400});
    rows.push_back({request_with("Transfer-Encoding : chunked\r\n", chunks), 400});
    rows.push_back({request_with(" Transfer-Encoding: chunked\r\n", chunks), 400});
    rows.push_back({request_with("Transfer-Encoding\r\n: chunked\r\n", chunks), 400});
    rows.push_back({request_with("Transfer-Encoding: \x0b"
                                 "chunked\r\n",
                                 chunks),
                    400});
    rows.push_back({request_with("X: y\nTransfer-Encoding: chunked\r\n", chunks), 400});
    for (const char* method : {"GET", "HEAD", "TRACE"})
        rows.push_back({method + std::string(" / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"), 400});
    rows.push_back({"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 200, false});
    rows.push_back({"DELETE / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 200, false});
    rows.push_back({"OPTIONS / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 200, false});
    rows.push_back({"POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", 200, true});
    rows.push_back({"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, 501});
}

inline void add_codings_and_expectations(std::vector<RawRequest>& rows) {
    for (const char* coding :
         {"gzip", "GZIP", "x-gzip", "deflate", "br", "zstd", "compress", "identity, gzip", "gzip, identity", "",
          "identity,identity", "identity\r\nContent-Encoding: gzip", "aes128gcm", "*"})
        rows.push_back(
            {request_with(std::string("Content-Encoding: ") + coding + "\r\nContent-Length: 3\r\n", "abc"), 415});
    for (const char* coding : {"identity", "Identity", "IDENTITY"})
        rows.push_back({request_with(std::string("Content-Encoding: ") + coding + "\r\nContent-Length: 3\r\n", "abc"),
                        200, false});
    for (const char* expected : {"200-ok", "100", "continue", "100-continue, x", "100-continue;q=1", "", "101-continue",
                                 "100-continue\r\nExpect: x", "99-continue"})
        rows.push_back({request_with(std::string("Expect: ") + expected + "\r\nContent-Length: 3\r\n", "abc"), 417});
    rows.push_back({request_with("Expect: 100-continue\r\n"), 200, false});
    rows.push_back({request_with("Expect: 100-Continue\r\nContent-Length: 0\r\n"), 200, false});
    rows.push_back({"POST / HTTP/1.0\r\nExpect: x\r\n\r\n", 200, true});
}

inline void add_limits(std::vector<RawRequest>& rows) {
    const auto of_fields = [](std::size_t count) {  // with Host
        std::string fields;
        for (std::size_t i = 1; i < count; ++i) fields += "X-" + std::to_string(i) + ": y\r\n";
        return request_with(fields);
    };
    rows.push_back({of_fields(63), 200, false});
    rows.push_back({of_fields(64), 200, false});
    rows.push_back({of_fields(65), 431});
    rows.push_back({of_fields(1000), 431});
    const std::size_t without = request_with("X: \r\n").size();
    const std::size_t limit = 16 * 1024;
    rows.push_back({request_with("X: " + std::string(limit - without - 1, 'y') + "\r\n"), 200, false});
    rows.push_back({request_with("X: " + std::string(limit - without, 'y') + "\r\n"), 200, false});
    rows.push_back({request_with("X: " + std::string(limit - without + 1, 'y') + "\r\n"), 431});
    rows.push_back({request_with("X: " + std::string(limit - without + 2, 'y') + "\r\n"), 431});
    rows.push_back({request_with("X: " + std::string(limit - without + 3, 'y') + "\r\n"), 431});
    rows.push_back({request_with("X: " + std::string(60'000, 'y') + "\r\n"), 431});
    rows.push_back({"GET / HTTP/1.1\r\nHost: x\r\n" + std::string(60'000, 'y'), 431});
    rows.push_back({"GET / HTTP/1.1\r\nHost: x\r\n" + repeated(10, "Y: " + std::string(2'000, 'y') + "\r\n"), 431});
}

inline std::vector<RawRequest> raw_requests() {
    std::vector<RawRequest> rows;
    add_request_lines(rows);
    add_targets(rows);
    add_hosts(rows);
    add_fields(rows);
    add_bodies(rows);
    add_codings_and_expectations(rows);
    add_limits(rows);
    return rows;
}

}  // namespace gachette::testing
