#include "report/http.h"

#include <curl/curl.h>

#include <memory>
#include <mutex>
#include <stdexcept>

#include "base/text.h"

namespace gachette::report {

namespace {

struct Exchange {
    Answer answer;
    std::stop_token stop;
    std::size_t limit = 0;
    std::size_t head_bytes = 0;
    bool cut = false;
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* target) {
    Exchange& exchange = *static_cast<Exchange*>(target);
    const std::size_t room = exchange.limit - exchange.answer.body.size();
    exchange.answer.body.append(data, std::min(room, size * count));
    exchange.cut = size * count > room;
    return exchange.cut ? 0 : size * count;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* target) {
    Exchange& exchange = *static_cast<Exchange*>(target);
    const std::string_view line = trim({data, size * count});
    exchange.head_bytes += size * count;
    if (exchange.head_bytes > exchange.limit) return 0;
    if (line.starts_with("HTTP/")) {  // of a 100 Continue before the real one
        exchange.answer.headers = {};
        return size * count;
    }
    if (const std::size_t colon = line.find(':'); colon != std::string_view::npos)
        exchange.answer.headers.add(std::string(trim(line.substr(0, colon))),
                                    std::string(trim(line.substr(colon + 1))));
    return size * count;
}

int look_at_stop(void* target, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Exchange*>(target)->stop.stop_requested() ? 1 : 0;
}

struct FreeHandle {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Handle = std::unique_ptr<CURL, FreeHandle>;
using List = std::unique_ptr<curl_slist, FreeList>;

template <typename Value>
void set(CURL* handle, CURLoption option, Value value) {
    if (curl_easy_setopt(handle, option, value) != CURLE_OK)
        throw std::runtime_error("this libcurl lacks a setting that gachette needs");
}

List header_list(const Headers& headers) {
    List list;
    const auto append = [&list](const std::string& line) {
        curl_slist* longer = curl_slist_append(list.get(), line.c_str());
        if (!longer) throw std::bad_alloc();
        (void)list.release();
        list.reset(longer);
    };
    for (const Header& header : headers.all()) append(header.name + ": " + header.value);
    append("Expect:");  // no 100 Continue
    return list;
}

void set_up(CURL* handle, const Request& request, const HttpLimits& limits, Exchange& exchange, curl_slist* headers) {
    set(handle, CURLOPT_URL, request.url.c_str());
    set(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    set(handle, CURLOPT_POSTFIELDS, request.body.data());
    set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(handle, CURLOPT_HTTPHEADER, headers);
    set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    set(handle, CURLOPT_FOLLOWLOCATION, 0L);
    set(handle, CURLOPT_SSL_VERIFYPEER, 1L);
    set(handle, CURLOPT_SSL_VERIFYHOST, 2L);
    set(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!request.authority_file.empty()) {
        set(handle, CURLOPT_CAINFO, request.authority_file.c_str());
        set(handle, CURLOPT_CAPATH, static_cast<char*>(nullptr));
    }
    set(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(handle, CURLOPT_NOSIGNAL, 1L);
    set(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits.connect));
    set(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(limits.total));
    set(handle, CURLOPT_WRITEFUNCTION, take_body);
    set(handle, CURLOPT_WRITEDATA, &exchange);
    set(handle, CURLOPT_HEADERFUNCTION, take_header);
    set(handle, CURLOPT_HEADERDATA, &exchange);
    set(handle, CURLOPT_NOPROGRESS, 0L);
    set(handle, CURLOPT_XFERINFOFUNCTION, look_at_stop);
    set(handle, CURLOPT_XFERINFODATA, &exchange);
}

}  // namespace

Answer send(const Request& request, std::stop_token stop, const HttpLimits& limits) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    const Handle handle(curl_easy_init());
    if (!handle) throw std::bad_alloc();
    Exchange exchange;
    exchange.stop = std::move(stop);
    exchange.limit = limits.answer_bytes;
    const List headers = header_list(request.headers);
    set_up(handle.get(), request, limits, exchange, headers.get());
    const CURLcode code = curl_easy_perform(handle.get());
    long status = 0;
    curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
    Answer answer = std::move(exchange.answer);
    if (code == CURLE_OK || exchange.cut) {
        answer.status = static_cast<int>(status);
        return answer;
    }
    answer.interrupted = code == CURLE_ABORTED_BY_CALLBACK;
    answer.problem = curl_easy_strerror(code);  // without the address, which may hold a secret
    return answer;
}

}  // namespace gachette::report
