#include "model/repository.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"

namespace gachette {

namespace {

constexpr std::size_t longest_url = 2048;

struct Scheme {
    std::string_view name;
    std::string_view port;
};
constexpr std::array schemes{Scheme{"https", "443"}, Scheme{"http", "80"},    Scheme{"ssh", "22"},
                             Scheme{"git", "9418"},  Scheme{"git+ssh", "22"}, Scheme{"ssh+git", "22"}};

// Doors that some forges keep open for networks without port 22. They lead to the same repositories.
struct SecondName {
    std::string_view door;
    std::string_view host;
};
constexpr std::array second_names{SecondName{"ssh.github.com:443", "github.com"},
                                  SecondName{"altssh.gitlab.com:443", "gitlab.com"},
                                  SecondName{"altssh.bitbucket.org:443", "bitbucket.org"}};

enum class Form { nothing, address, folder, relative };

// A url cut in pieces, nothing decoded yet.
struct Pieces {
    Form form = Form::nothing;
    std::string scheme;  // "" for scp-like
    std::string_view user, host, port, path;
};

// user@host:port, with brackets around an IPv6 address. False when it cannot be one.
bool cut_authority(std::string_view authority, Pieces& pieces) {
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
        pieces.user = authority.substr(0, at);
        authority.remove_prefix(at + 1);
    }
    std::size_t end = 0;
    if (authority.starts_with('[')) {
        end = authority.find(']');
        if (end == std::string_view::npos) return false;
        ++end;
    } else {
        end = std::min(authority.find(':'), authority.size());
    }
    pieces.host = authority.substr(0, end);
    authority.remove_prefix(end);
    if (authority.starts_with(':')) pieces.port = authority.substr(1);
    return !pieces.host.empty() && (authority.empty() || authority.front() == ':') &&
           pieces.port.find_first_not_of("0123456789") == std::string_view::npos;
}

Pieces cut_url(std::string_view url, std::string_view scheme, std::string_view rest) {
    Pieces pieces;
    pieces.scheme = lower(scheme);
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view authority = rest.substr(0, slash);
    pieces.path = rest.substr(slash);
    if (pieces.scheme == "file") {
        if ((authority.empty() || lower(authority) == "localhost") && !pieces.path.empty()) pieces.form = Form::folder;
        return pieces;
    }
    const bool known = std::any_of(schemes.begin(), schemes.end(),
                                   [&](const Scheme& candidate) { return candidate.name == pieces.scheme; });
    if (known && url.size() > scheme.size() && cut_authority(authority, pieces)) pieces.form = Form::address;
    return pieces;
}

// [user@]host:path, as scp and git write it: a colon before the first slash.
Pieces cut_scp(std::string_view text) {
    Pieces pieces;
    const std::size_t bracket = text.find('[');
    std::size_t colon = text.find(':');
    if (bracket != std::string_view::npos && bracket < colon) {
        const std::size_t closed = text.find("]:", bracket);
        if (closed == std::string_view::npos) return pieces;
        colon = closed + 1;
    }
    if (!cut_authority(text.substr(0, colon), pieces) || !pieces.port.empty()) return pieces;
    pieces.path = text.substr(colon + 1);
    pieces.form = pieces.path.starts_with(':') || pieces.path.empty() ? Form::nothing : Form::address;
    return pieces;
}

Pieces cut(std::string_view url) {
    Pieces pieces;
    if (url.empty()) return pieces;
    if (const std::size_t mark = url.find("://"); mark != std::string_view::npos && url.find('/') == mark + 1)
        return cut_url(url, url.substr(0, mark), url.substr(mark + 3));
    if (url.front() == '/') {
        pieces.form = Form::folder;
        pieces.path = url;
        return pieces;
    }
    if (url.find(':') < url.find('/')) return cut_scp(url);
    pieces.form = Form::relative;
    pieces.path = url;
    return pieces;
}

std::string plain_path(std::string_view path) {
    const auto without_slashes = [&] {
        while (path.ends_with('/')) path.remove_suffix(1);
    };
    while (path.starts_with('/')) path.remove_prefix(1);
    without_slashes();
    if (path.ends_with(".git")) path.remove_suffix(4);
    without_slashes();
    std::string out;
    for (const char c : path)
        if (c != '/' || !out.ends_with('/')) out += c;
    return out;
}

std::string plain_host(const Pieces& pieces) {
    std::string host = lower(pieces.host);
    if (host.ends_with('.')) host.pop_back();
    const auto* scheme = std::find_if(schemes.begin(), schemes.end(),
                                      [&](const Scheme& candidate) { return candidate.name == pieces.scheme; });
    if (!pieces.port.empty() && (scheme == schemes.end() || scheme->port != pieces.port))
        host.append(":").append(pieces.port);
    for (const SecondName& name : second_names)
        if (host == name.door) return std::string(name.host);
    return host;
}

bool control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool has_control(std::string_view text) { return std::any_of(text.begin(), text.end(), control); }

bool made_of(std::string_view text, std::string_view signs) {
    return std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               signs.find(c) != std::string_view::npos;
    });
}

bool valid_host(std::string_view host) {
    if (host.starts_with('[')) return host.size() > 2 && made_of(host.substr(1, host.size() - 2), ":.");
    return !host.empty() && made_of(host, ".-_") && !starts_with_dash(host);
}

bool valid_port(std::string_view port) {
    if (port.empty()) return true;
    const std::optional<std::int64_t> number = parse_decimal(port);
    return number && *number >= 1 && *number <= 65'535;
}

// Dangerous as the first word of what git hands on: git-upload-pack gets the path, ssh the host.
bool dashed_path(std::string_view path) {
    const std::size_t first = path.find_first_not_of('/');
    return first != std::string_view::npos && path[first] == '-';
}

}  // namespace

RepositoryAddress parse_repository_address(std::string_view url) {
    const Pieces pieces = cut(trim(url));
    switch (pieces.form) {
        case Form::nothing:
            return {};
        case Form::folder:
        case Form::relative:
            return {"", plain_path(pieces.path)};
        case Form::address:
            break;
    }
    // Only urls are percent-encoded; the scp-like form is taken as it stands.
    const std::optional<std::string> decoded =
        pieces.scheme.empty() ? std::nullopt : percent_decode(pieces.path, false);
    return {plain_host(pieces), plain_path(decoded ? std::string_view(*decoded) : pieces.path)};
}

bool same_repository(std::string_view a, std::string_view b) {
    const RepositoryAddress left = parse_repository_address(a);
    const RepositoryAddress right = parse_repository_address(b);
    if (left.path.empty() || left.host != right.host) return false;
    if (!left.host.empty()) return lower(left.path) == lower(right.path);
    return left.path == right.path && cut(trim(a)).form == cut(trim(b)).form;
}

std::string full_name_of(std::string_view url) {
    const std::string path = parse_repository_address(url).path;
    const std::size_t last = path.rfind('/');
    if (last == std::string::npos || last == 0) return "";
    const std::size_t before = path.rfind('/', last - 1);
    return path.substr(before == std::string::npos ? 0 : before + 1);
}

bool valid_clone_url(std::string_view url) {
    if (url.empty() || url.size() > longest_url || starts_with_dash(url) || has_control(url) || !valid_utf8(url))
        return false;
    const Pieces pieces = cut(url);
    const std::string_view rest =
        pieces.path.substr(std::min<std::size_t>(pieces.path.find_first_not_of('/'), pieces.path.size()));
    if (rest.empty()) return false;
    if (pieces.form == Form::folder) return true;
    if (pieces.form != Form::address || dashed_path(pieces.path)) return false;
    const bool scp = pieces.scheme.empty();
    const bool web = pieces.scheme == "https" || pieces.scheme == "http";
    if (!scp && !web && pieces.scheme != "ssh" && pieces.scheme != "git") return false;
    const std::optional<std::string> decoded = percent_decode(pieces.path, false);
    if (!scp && (!decoded || has_control(*decoded) || dashed_path(*decoded))) return false;
    return valid_host(pieces.host) && valid_port(pieces.port) && !starts_with_dash(pieces.user) &&
           made_of(pieces.user, web ? "._~%+-:!$&'()*,;=" : "._~+-");
}

}  // namespace gachette
