// A folder with secrets and an environment of its own, in which configuration texts are parsed. For tests.
#pragma once
#include <sys/stat.h>

#include <map>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "config/load.h"
#include "tests/support/folder.h"

namespace gachette::testing {

class ConfigFolder {
public:
    ConfigFolder() {
        write("good.secret", "0123456789abcdef0123456789abcdef\n");
        write("other.secret", "fedcba9876543210fedcba9876543210\r\n");
        write("twin.secret", "0123456789abcdef0123456789abcdef");
        write("short.secret", "fifteen bytes..\n");
        write("lines.secret", "0123456789abcdef\n0123456789abcdef\n");
        write("open.secret", "open6789abcdef0123456789abcdef", 0644);
        write("long.secret", std::string(5000, 'x'));
        write("empty.secret", "\n");
        make_folders(folder_ / "credentials");
        write("credentials/gitlab.token", "credential-456789abcdef", 0444);
        options.forges = {"github", "gitlab"};
        options.settings_problem = [](const Hook& hook) {
            return hook.settings.empty() ? std::string() : "setting \"" + hook.settings.begin()->first + "\" is odd";
        };
        options.variable = [this](const std::string& name) -> std::optional<std::string> {
            const auto found = environment.find(name);
            return found == environment.end() ? std::nullopt : std::optional(found->second);
        };
        environment = {{"HOME", "/home/hero"},
                       {"CREDENTIALS_DIRECTORY", folder_ / "credentials"},
                       {"HOOK_SECRET", "environment-56789abcdef"}};
    }

    void write(const std::string& name, const std::string& content, mode_t mode = 0600) {
        if (!write_file_synced(folder_ / name, content, mode)) throw std::runtime_error("cannot write " + name);
        chmod((folder_ / name).c_str(), mode);
    }
    std::string path(const std::string& name) const { return folder_ / name; }
    Configuration parse(const std::string& text) const {
        return parse_configuration(text, path("config.yml"), options);
    }
    // The whole message of the ConfigError with the folder's path taken out; "loads" if there was none.
    std::string error(const std::string& text) const {
        try {
            parse(text);
            return "loads";
        } catch (const ConfigError& error) {
            std::string message = error.what();
            const std::string prefix = folder_.path() + "/";
            for (std::size_t at = message.find(prefix); at != std::string::npos; at = message.find(prefix, at))
                message.erase(at, prefix.size());
            return message;
        }
    }

    LoadOptions options;
    std::map<std::string, std::string> environment;

private:
    TemporaryFolder folder_;
};

}  // namespace gachette::testing
