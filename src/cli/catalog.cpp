#include "cli/catalog.h"

#include <algorithm>

namespace gachette::cli {

namespace {

Parameter required(std::string name, std::string description) {
    return {std::move(name), Need::required, true, "", std::move(description)};
}
Parameter optional(std::string name, std::string option, std::string description) {
    return {std::move(name), Need::optional, true, std::move(option), std::move(description)};
}
Parameter option(std::string name, std::string option, std::string description) {
    return {std::move(name), Need::optional, false, std::move(option), std::move(description)};
}
Parameter flag(std::string name, std::string option, std::string description) {
    return {std::move(name), Need::flag, false, std::move(option), std::move(description)};
}

const Parameter meta_path =
    optional("meta_path", "--meta-path", "Folder of domains and packages on the build host; the configuration's wins");

std::vector<Command> original_tasks() {
    return {
        {"add_to_stack",
         true,
         true,
         "Add created package to stack and reference packages.",
         {required("domain", "Domain of the stack"),
          required("name", "Name of the package"),
          required("version", "Version of the package"),
          required("file_name", "Its .deb in the debs folder"),
          meta_path,
          {"stack_version", Need::required, true, "--stack", "The stack that takes it"},
          option("debs_path", "--debs-path", "Folder of the .debs on the build host; the configuration's wins")},
         "gachette -H hero@192.168.1.5 add-to-stack main dh-sauce 1.0.0 dh-sauce-1.0.0-all.deb /var/gachette foobar1"},
        {"build",
         true,
         true,
         "Build the package for the working copy remotely via trebuchet.",
         {required("name", "Name of the working copy, as given to prepare"),
          optional("debs_path", "--debs-path", "Folder for the .debs on the build host; the configuration's wins"),
          optional("path_to_missile", "--missile", "Missile file inside the working copy; the configuration's wins"),
          optional("app_version", "--app-version", "Version of the application package"),
          optional("env_version", "--env-version", "Version of the environment package"),
          optional("service_version", "--service-version", "Version of the service packages"),
          optional("webcallback", "--webcallback", "URL that trebuchet tells of each package")},
         "gachette -H hero@192.168.1.5 build test_config /var/gachette/debs --app-version 1.0.0"},
        {"prepare",
         true,
         true,
         "Prepare the working copy remotely for the project.",
         {required("name", "Name of the working copy"),
          optional("url", "--url", "Repository to clone; the configuration's projects.NAME.url wins"),
          optional("ref", "--ref", "origin/<branch>, a tag, or a commit; origin/master when not given")},
         "gachette -H hero@192.168.1.5 prepare test_config git@github.com:ops-hero/test_config origin/test_a"},
        {"quick",
         true,
         true,
         "Prepare, build and add to the stack in one go.",
         {required("domain", "Domain of the stack"), required("stack_version", "The stack, which must exist"),
          required("project_name", "The project, as in the configuration"),
          optional("ref", "--ref", "origin/<branch>, a tag, or a commit; origin/master when not given"),
          optional("url", "--url", "Repository to clone; the configuration's wins"),
          optional("path_to_missile", "--missile", "Missile file inside the working copy; the configuration's wins"),
          optional("debs_path", "--debs-path", "Folder for the .debs on the build host; the configuration's wins"),
          meta_path},
         "gachette -c gachette.yml quick default 0.0.1 test_application --ref origin/fix-option"},
        {"show_config", true, false, "Dump settings.", {}, "gachette -c gachette.yml show-config"},
        {"stack_create",
         true,
         true,
         "Create a new stack. From old one if specified.",
         {required("domain", "Domain of the stack"), required("name", "Name of the stack"), meta_path,
          optional("from_stack", "--from", "Copy the packages of this stack of the same domain")},
         "gachette -H hero@192.168.1.5 stack-create main foobar1 --from foobar0 --meta-path /var/gachette"},
        {"version", true, false, "Print the version.", {}, "gachette version"},
    };
}

std::vector<Command> server_commands() {
    return {
        {"serve",
         false,
         false,
         "Run the daemon: hooks, jobs, API and pages.",
         {},
         "gachette serve -c /etc/gachette/gachette.yml"},
        {"check_config",
         false,
         false,
         "Check the configuration and say what every project would do.",
         {},
         "gachette check-config -c gachette.yml"},
        {"explain",
         false,
         false,
         "Say step by step what a payload would do; nothing is done.",
         {required("payload", "File with the body of the request, or - for standard input"),
          option("hook", "--hook", "The hook it is sent to; not needed when there is only one"),
          {"header", Need::repeated, false, "--header", "A header of the request, as 'Name: value'; may be repeated"},
          option("event", "--event", "The event as the forge names it (push, Push Hook, ...)")},
         "gachette -c gachette.yml explain --hook github --event push payload.json"},
        {"sign",
         false,
         false,
         "Print the headers that make a body authentic for a hook.",
         {required("body", "File with the body of the request, or - for standard input"),
          option("hook", "--hook", "The hook it is meant for; not needed when there is only one"),
          option("event", "--event", "The event as the forge names it; a push when not given"),
          flag("curl", "--curl", "Print the whole curl command"),
          flag("form", "--form", "With --curl: send the body in GitHub's form encoding")},
         "gachette -c gachette.yml sign --hook github --event push --curl payload.json"},
        {"deliveries",
         false,
         false,
         "List deliveries, newest first, or show one.",
         {optional("delivery", "", "Number of a delivery"), option("limit", "--limit", "How many; 20 when not given"),
          option("before", "--before", "Only those before this number"), option("hook", "--hook", "Only of this hook"),
          option("state", "--state", "accepted, ignored, malformed or repeat"),
          flag("body", "--body", "With a number: write the stored body instead")},
         "gachette deliveries --limit 5"},
        {"jobs",
         false,
         false,
         "List jobs, newest first, or show one.",
         {optional("job", "", "Number of a job"), option("limit", "--limit", "How many; 20 when not given"),
          option("before", "--before", "Only those before this number"),
          option("project", "--project", "Only of this project"),
          option("state", "--state", "queued, running, done, failed, superseded, ...")},
         "gachette jobs --project test_application"},
        {"logs",
         false,
         false,
         "Print the build log of a job.",
         {required("job", "Number of the job"),
          flag("follow", "-f,--follow", "Go on until the job has ended; exit 0 only if it is done"),
          option("offset", "--offset", "Start at this byte")},
         "gachette logs -f 12"},
        {"replay",
         false,
         false,
         "Feed a stored delivery in again.",
         {required("delivery", "Number of the delivery")},
         "gachette replay 17"},
        {"rebuild",
         false,
         false,
         "Build a job again as a new one.",
         {required("job", "Number of the job")},
         "gachette rebuild 12"},
        {"cancel",
         false,
         false,
         "End a queued or running job.",
         {required("job", "Number of the job")},
         "gachette cancel 12"},
    };
}

std::vector<Command> stack_commands() {
    const Parameter domain = required("domain", "Domain of the stack");
    const Parameter stack = required("stack", "Name of the stack; STACK@N is its generation N");
    const Parameter meta = option("meta_path", "--meta-path",
                                  "Folder of domains and packages on the build host; the configuration's wins");
    const Parameter reason = option("reason", "--reason", "Why, for the record");
    const Parameter debs_path =
        option("debs_path", "--debs-path", "Folder of the .debs on the build host; the configuration's wins");
    return {
        {"stacks",
         false,
         true,
         "List the stacks on the build host.",
         {optional("domain", "", "Only this domain"), meta},
         "gachette -c gachette.yml stacks backend"},
        {"stack show",
         false,
         true,
         "Show the packages of a stack.",
         {domain, stack, meta},
         "gachette stack show backend edge"},
        {"stack diff",
         false,
         true,
         "Say what differs between two stacks or generations.",
         {domain, stack, required("other", "The other stack or generation"), meta},
         "gachette stack diff backend edge@3 edge"},
        {"stack log",
         false,
         true,
         "Show the generations of a stack, newest first.",
         {domain, stack, meta},
         "gachette stack log backend edge"},
        {"stack rollback",
         false,
         true,
         "Make a new generation with the packages of an old one.",
         {domain, stack, required("generation", "Number of the generation to go back to"), meta, reason},
         "gachette stack rollback backend edge 3 --reason 'edge 4 does not start'"},
        {"stack remove",
         false,
         true,
         "Take packages out of a stack.",
         {domain, stack, {"package", Need::several, true, "", "Names of the packages"}, meta, reason},
         "gachette stack remove backend edge dh-sauce"},
        {"stack promote",
         false,
         true,
         "Take over the packages of another stack, all or some projects'.",
         {domain,
          stack,
          required("other", "The stack or generation they come from"),
          meta,
          reason,
          {"project", Need::repeated, false, "--project", "Only the packages of this project; may be repeated"}},
         "gachette stack promote backend live edge@7"},
        {"stack alias",
         false,
         true,
         "Make a name such as latest mean a stack.",
         {domain, required("stack", "The other name"), required("other", "The stack it means"), meta, reason},
         "gachette stack alias backend latest edge"},
        {"stack freeze",
         false,
         true,
         "Let nothing change a stack.",
         {domain, stack, meta, reason},
         "gachette stack freeze backend 1.0 --reason release"},
        {"stack thaw",
         false,
         true,
         "Let a frozen stack change again.",
         {domain, stack, meta, reason},
         "gachette stack thaw backend 1.0"},
        {"stack verify",
         false,
         true,
         "Check every file and hash of a stack.",
         {domain, stack, meta, debs_path, flag("quick", "--quick", "Look at sizes and names, not at every SHA-256")},
         "gachette stack verify backend edge"},
    };
}

std::vector<Command> all_commands() {
    std::vector<Command> all = original_tasks();
    for (auto part : {server_commands(), stack_commands()}) all.insert(all.end(), part.begin(), part.end());
    return all;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t corner = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, corner + (a[i - 1] == b[j - 1] ? 0 : 1)});
            corner = above;
        }
    }
    return row[b.size()];
}

}  // namespace

std::span<const Command> commands() {
    static const std::vector<Command> table = all_commands();
    return table;
}

std::string natural_name(std::string_view name) {
    std::string natural(name);
    std::replace(natural.begin(), natural.end(), '_', '-');
    return natural;
}

const Command* find_command(std::string_view name) {
    const std::string wanted = natural_name(name);
    for (const Command& command : commands())
        if (natural_name(command.name) == wanted) return &command;
    return nullptr;
}

std::string suggestion(std::string_view word) {
    if (word.size() > 40) return "";
    const std::string wanted = natural_name(word);
    std::size_t best = 3;
    std::string name;
    for (const Command& command : commands()) {
        const std::size_t distance = edit_distance(wanted, natural_name(command.name));
        if (distance >= best || distance * 2 > wanted.size()) continue;
        best = distance;
        name = natural_name(command.name);
    }
    return name.empty() ? "" : " (did you mean \"" + name + "\"?)";
}

}  // namespace gachette::cli
