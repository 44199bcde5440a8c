#include "cli/session.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/catalog.h"
#include "cli/host_choice.h"
#include "cli/table.h"
#include "config/load.h"
#include "handlers/handlers.h"

namespace gachette::cli {

namespace {

const char* const usual_configuration = "/etc/gachette/gachette.yml";

// Where a daemon of this user or of the system has its socket when no configuration says so.
std::string usual_socket() {
    std::vector<std::string> folders;
    const auto variable = [](const char* name) { return std::string(std::getenv(name) ? std::getenv(name) : ""); };
    if (variable("XDG_STATE_HOME").starts_with('/')) folders.push_back(variable("XDG_STATE_HOME") + "/gachette");
    if (variable("HOME").starts_with('/')) folders.push_back(variable("HOME") + "/.local/state/gachette");
    struct stat status {};
    for (const std::string& folder : folders)
        if (::stat((folder + "/admin.sock").c_str(), &status) == 0) return folder + "/admin.sock";
    return "/var/lib/gachette/admin.sock";
}

std::string read_token(const std::string& path) {
    if (path.empty()) throw UsageError("--server needs an admin token; name its file with --token-file");
    const Result<std::string> text = read_file(path, 64 * 1024);
    if (!text) throw UsageError("--token-file: " + text.error());
    const std::string token(trim(*text));
    if (token.empty() || token.find('\n') != std::string::npos)
        throw UsageError("--token-file: " + path + " does not hold one token on one line");
    return token;
}

LoadOptions load_options(bool with_secrets) {
    LoadOptions options;
    options.with_secrets = with_secrets;
    for (const handlers::Forge& forge : handlers::all_forges()) options.forges.emplace_back(forge.name);
    options.settings_problem = [](const Hook& hook) {
        const handlers::Forge* forge = handlers::find_forge(hook.forge);
        return forge ? forge->settings_problem(hook) : std::string();
    };
    return options;
}

std::atomic<bool> interrupted{false};
std::atomic<int> interrupt_event{-1};

void on_interrupt(int) {
    interrupted = true;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(interrupt_event, &one, sizeof one);
}

}  // namespace

Session::Session(Options options, std::ostream& out, std::ostream& err, const Clock& clock)
    : options_(std::move(options)), out_(out), err_(err), clock_(clock), colours_(colours_wanted()) {}

Session::~Session() = default;

std::string Session::configuration_path() const {
    if (!options_.configuration.empty()) return options_.configuration;
    if (const char* path = std::getenv("GACHETTE_CONFIG"); path && *path) return path;
    struct stat status {};
    return ::stat(usual_configuration, &status) == 0 ? usual_configuration : "";
}

const Configuration& Session::configuration() {
    if (!configuration_) {
        const std::string path = configuration_path();
        configuration_ = path.empty() ? Configuration{} : load_configuration(path, load_options(false));
    }
    return *configuration_;
}

const Configuration& Session::needed_configuration(const std::string& command) {
    if (configuration_path().empty())
        throw UsageError(command + ": no configuration; name one with -c FILE or $GACHETTE_CONFIG");
    if (!complete_configuration_)
        complete_configuration_ = load_configuration(configuration_path(), load_options(true));
    return *complete_configuration_;
}

const BuildHost& Session::host(const Call& call) {
    const std::vector<std::string>& words = call.hosts.empty() ? options_.hosts : call.hosts;
    if (!host_ || host_words_ != words) {
        shell_.reset();
        host_ = choose_host(options_, call, configuration());
        host_words_ = words;
    }
    return *host_;
}

remote::Shell& Session::shell(const Call& call) {
    const BuildHost& chosen = host(call);
    if (!shell_) shell_ = remote::make_shell(chosen);
    return *shell_;
}

ApiClient Session::daemon() {
    if (!options_.server.empty()) return ApiClient({"", options_.server, read_token(options_.token_file)});
    if (!options_.socket.empty()) return ApiClient({options_.socket, "", ""});
    const Configuration& known = configuration();
    if (!known.admin_socket.empty()) return ApiClient({known.admin_socket, "", ""});
    return ApiClient({known.state_folder.empty() ? usual_socket() : known.state_folder + "/admin.sock", "", ""});
}

void Session::note(const std::string& sentence) {
    if (std::find(notes_.begin(), notes_.end(), sentence) != notes_.end()) return;
    notes_.push_back(sentence);
    out_.flush();
    err_ << "gachette: note: " << printable(sentence, 1000) << "\n";
    err_.flush();
}

std::string Session::setting(const Call& call, const std::string& parameter, const std::string& configured,
                             const std::string& key) {
    const std::string given = call.text(parameter);
    if (configured.empty()) return given;
    if (!given.empty() && given != configured)
        note(parameter + " is " + configured + " as " + key + " in the configuration says, not " + given);
    return configured;
}

std::string Session::folder(const Call& call, const std::string& parameter, const std::string& configured) {
    std::string folder = setting(call, parameter, configured, parameter);
    const std::string command = natural_name(call.command);
    if (folder.empty())
        throw UsageError(command + ": " + parameter + " is missing; give it as argument or set " + parameter +
                         " in the configuration");
    while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
    if (folder[0] != '/')
        throw UsageError(command + ": " + parameter + " \"" + printable(folder, 200) +
                         "\" is not an absolute path; it must start with / because it is a folder on the build host");
    return folder;
}

Interrupt::Interrupt() {
    interrupted = false;
    interrupt_event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
    ::sigaction(SIGINT, &action, nullptr);
}

Interrupt::~Interrupt() {
    ::signal(SIGINT, SIG_DFL);
    ::close(interrupt_event.exchange(-1));
}

bool Interrupt::requested() { return interrupted; }
int Interrupt::descriptor() const { return interrupt_event; }

}  // namespace gachette::cli
