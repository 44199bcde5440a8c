// Both forms of the command line, from words to values and sentences.
#include <catch2/catch.hpp>

#include "base/error.h"
#include "cli/catalog.h"
#include "cli/invocation.h"

using namespace gachette;
using namespace gachette::cli;

namespace {

using Words = std::vector<std::string>;

// As a shell would, but only for blanks: no row below has any inside a word.
Words words_of(const std::string& line) {
    Words words;
    std::string word;
    for (const char c : line + " ") {
        if (c != ' ')
            word += c;
        else if (!word.empty())
            words.push_back(std::exchange(word, ""));
    }
    return words;
}

// "prepare name=a url=b; build name=a @host" - one text for all that a test may want to compare.
std::string shown(const Invocation& invocation) {
    std::string text;
    for (const Call& call : invocation.calls) {
        text += (text.empty() ? "" : "; ") + call.command;
        for (const auto& [name, values] : call.values)
            for (const std::string& value : values) text += " " + name + "=" + value;
        for (const std::string& host : call.hosts) text += " @" + host;
    }
    const Options& options = invocation.options;
    for (const std::string& host : options.hosts) text += " -H " + host;
    if (!options.configuration.empty()) text += " -c " + options.configuration;
    if (!options.user.empty()) text += " -u " + options.user;
    if (!options.key_filename.empty()) text += " -i " + options.key_filename;
    if (options.port) text += " --port " + std::to_string(options.port);
    if (options.forward_agent) text += " -A";
    if (options.local) text += " --local";
    if (options.json) text += " --json";
    if (!options.socket.empty()) text += " --socket " + options.socket;
    if (!options.server.empty()) text += " --server " + options.server + " " + options.token_file;
    return text;
}

std::string parsed(const Words& words) {
    try {
        return shown(parse(words));
    } catch (const UsageError& problem) {
        return std::string("error: ") + problem.what();
    }
}

struct Row {
    std::string line;
    std::string meaning;
};

void check(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
        INFO(row.line);
        CHECK(parsed(words_of(row.line)) == row.meaning);
    }
}

}  // namespace

TEST_CASE("every command line of the original's README means what it meant") {
    const std::string host = " -H hero@192.168.1.5";
    const std::string url = "url=git@github.com:ops-hero/test_config";
    check({
        {"-H hero@192.168.1.5 stack_create:main,foobar1,/var/gachette",
         "stack_create domain=main meta_path=/var/gachette name=foobar1" + host},
        {"-H hero@192.168.1.5 prepare:test_config_first_build,git@github.com:ops-hero/test_config,origin/test_a",
         "prepare name=test_config_first_build ref=origin/test_a " + url + host},
        {"-H hero@192.168.1.5 prepare:test_config_first_build,git@github.com:ops-hero/test_config,v1.4",
         "prepare name=test_config_first_build ref=v1.4 " + url + host},
        {"-H hero@192.168.1.5 "
         "prepare:test_config_first_build,git@github.com:ops-hero/test_config,origin/0e57698750b05ea",
         "prepare name=test_config_first_build ref=origin/0e57698750b05ea " + url + host},
        {"-H hero@192.168.1.5 build:test_config_first_build,/var/gachette/debs",
         "build debs_path=/var/gachette/debs name=test_config_first_build" + host},
        {"-H hero@192.168.1.5 "
         "add_to_stack:main,dh-secret-sauce-live,1.0.0,dh-secret-sauce-live-1.0.0-all.deb,/var/gachette,foobar1",
         "add_to_stack domain=main file_name=dh-secret-sauce-live-1.0.0-all.deb meta_path=/var/gachette "
         "name=dh-secret-sauce-live stack_version=foobar1 version=1.0.0" +
             host},
        {"quick:default,0.0.1,test_application",
         "quick domain=default project_name=test_application stack_version=0.0.1"},
        {"quick:otherdomain,0.0.1,test_config,ref=origin/fix-option",
         "quick domain=otherdomain project_name=test_config ref=origin/fix-option stack_version=0.0.1"},
    });
    CHECK(parse({"-l"}).text == command_list());
    CHECK(parse({"-c", "examples/vagrant.yml", "-l"}).text == command_list());
}

TEST_CASE("the original's form is read as Fabric read it") {
    check({
        {"version", "version"},
        {"version show_config", "version; show_config"},
        {"version:", "version"},
        {"show-config", "show_config"},
        {"stack-create:main,a,/m", "stack_create domain=main meta_path=/m name=a"},
        {"stack_create:main,a,/m,b", "stack_create domain=main from_stack=b meta_path=/m name=a"},
        {"stack_create:main,a,from_stack=b", "stack_create domain=main from_stack=b name=a"},
        {"stack_create:name=a,domain=main", "stack_create domain=main name=a"},
        {"stack_create:meta_path=/m,main,a", "stack_create domain=main meta_path=/m name=a"},
        {"stack_create:main,a,,b", "stack_create domain=main from_stack=b name=a"},
        {"prepare:a,u\\,v,r", "prepare name=a ref=r url=u,v"},
        {"prepare:a,url=u\\,v", "prepare name=a url=u,v"},
        {"prepare:a,u\\v,r", "prepare name=a ref=r url=u\\v"},
        {"prepare:a,u\\\\,v", "prepare name=a url=u\\,v"},
        {"prepare:a,https://h/x.git?t\\=1", "prepare name=a url=https://h/x.git?t=1"},
        {"prepare:a,https://h/x.git?t=1", "prepare name=a url=https://h/x.git?t=1"},
        {"prepare:a,url=https://h/x.git?t=1&u=2", "prepare name=a url=https://h/x.git?t=1&u=2"},
        {"prepare:a,ssh://git@h:22/x", "prepare name=a url=ssh://git@h:22/x"},
        {"prepare:a,u build:a,/d", "prepare name=a url=u; build debs_path=/d name=a"},
        {"prepare:a,u,host=h@x", "prepare name=a url=u @h@x"},
        {"prepare:a,u,hosts=x;y", "prepare name=a url=u @x @y"},
        {"build:a,,,1.0", "build app_version=1.0 name=a"},
        {"build:a,app_version=1,env_version=2,service_version=3,webcallback=http://h/?a",
         "build app_version=1 env_version=2 name=a service_version=3 webcallback=http://h/?a"},
        {"quick:d,s,p,r,u,m,/d,/m",
         "quick debs_path=/d domain=d meta_path=/m path_to_missile=m project_name=p ref=r stack_version=s url=u"},
        {"quick:d,s,p, version", "quick domain=d project_name=p stack_version=s; version"},
        {"build:a,/d -H x -u bob", "build debs_path=/d name=a -H x -u bob"},
        {"-H a,b -H c build:a", "build name=a -H a -H b -H c"},
        {"-Ha build:a", "build name=a -H a"},
        {"--hosts=a,b build:a", "build name=a -H a -H b"},
        {"-A -i /k --port 2222 build:a", "build name=a -i /k --port 2222 -A"},
        {"-Aubob build:a", "build name=a -u bob -A"},
        {"--local --json build:a", "build name=a --local --json"},
        {"-c f show_config", "show_config -c f"},
        {"--config=f show_config", "show_config -c f"},
    });
}

TEST_CASE("what the original's form cannot mean is told in one sentence") {
    check({
        {"", "error: there is nothing to do: name a command; gachette --help lists them"},
        {"-H x", "error: there is nothing to do: name a command; gachette --help lists them"},
        {"frob:x", "error: there is no task \"frob\"; gachette -l lists them"},
        {"prepar:x", "error: there is no task \"prepar\" (did you mean \"prepare\"?); gachette -l lists them"},
        {"logs:1", "error: \"logs:1\": logs is not a task of the original form; write gachette logs ..."},
        {"build:",
         "error: build: name is missing; its arguments are name, debs_path, path_to_missile, app_version, "
         "env_version, service_version, webcallback"},
        {"stack_create:main",
         "error: stack_create: name is missing; its arguments are domain, name, meta_path, from_stack"},
        {"stack_create:a,b,c,d,e",
         "error: stack_create: \"e\" is one argument too many; its arguments are domain, name, meta_path, from_stack"},
        {"stack_create:a,b,nonsense=1",
         "error: stack_create: there is no argument \"nonsense\"; its arguments are domain, name, meta_path, "
         "from_stack"},
        {"stack_create:a,b,name=c", "error: stack_create: name is given twice; give it by place or by name"},
        {"version:x", "error: version: \"x\" is one argument too many; its arguments are none"},
        {"prepare:a,u,role=x",
         "error: prepare: gachette knows no roles, so there is no role; name the build host with -H or host="},
        {"-D build:a",
         "error: host keys are always checked, so there is no option -D; add the host's key to "
         "~/.ssh/known_hosts (ssh-keyscan HOST shows it)"},
        {"--frob build:a", "error: there is no option --frob for tasks; gachette --help lists the options"},
        {"build:a -H", "error: -H needs a value"},
        {"--local=1 build:a", "error: --local takes no value"},
        {"--port=0 build:a", "error: --port: \"0\" is not a number from 1 to 65535"},
        {"-H x version -- uname",
         "error: gachette runs tasks, not shell commands, so there is nothing for -- to mark; leave it out"},
    });
}

TEST_CASE("the natural form says the same with words and options") {
    check({
        {"stack-create main foobar1", "stack_create domain=main name=foobar1"},
        {"stack-create main foobar1 --from foobar0", "stack_create domain=main from_stack=foobar0 name=foobar1"},
        {"stack_create main foobar1 --meta-path /m", "stack_create domain=main meta_path=/m name=foobar1"},
        {"stack-create main foobar1 /m foobar0",
         "stack_create domain=main from_stack=foobar0 meta_path=/m name=foobar1"},
        {"-H u@h stack-create main a", "stack_create domain=main name=a -H u@h"},
        {"stack-create main a -H u@h", "stack_create domain=main name=a -H u@h"},
        {"prepare a git@h:o/x.git origin/b", "prepare name=a ref=origin/b url=git@h:o/x.git"},
        {"prepare build u", "prepare name=build url=u"},
        {"build version --debs-path=/d", "build debs_path=/d name=version"},
        {"build a /d --app-version 1 --env-version 2 --service-version 3",
         "build app_version=1 debs_path=/d env_version=2 name=a service_version=3"},
        {"add-to-stack main p 1.0 p.deb --stack s",
         "add_to_stack domain=main file_name=p.deb name=p stack_version=s version=1.0"},
        {"add_to_stack main p 1.0 p.deb /m s",
         "add_to_stack domain=main file_name=p.deb meta_path=/m name=p stack_version=s version=1.0"},
        {"quick d s p --ref v1 --local", "quick domain=d project_name=p ref=v1 stack_version=s --local"},
        {"show-config --json", "show_config --json"},
        {"serve -c f", "serve -c f"},
        {"check-config -c f", "check_config -c f"},
        {"explain --hook h --header A:b --header C:d --event push -",
         "explain event=push header=A:b header=C:d hook=h payload=-"},
        {"sign --curl --form body", "sign body=body curl=1 form=1"},
        {"deliveries", "deliveries"},
        {"deliveries 17 --json", "deliveries delivery=17 --json"},
        {"deliveries --limit 5 --before 9 --hook h --state repeat", "deliveries before=9 hook=h limit=5 state=repeat"},
        {"jobs --project p --state queued", "jobs project=p state=queued"},
        {"logs -f 12", "logs follow=1 job=12"},
        {"logs 12 --follow --offset 100", "logs follow=1 job=12 offset=100"},
        {"replay 17 --server http://h:1 --token-file t", "replay delivery=17 --server http://h:1 t"},
        {"rebuild 12 --socket /s", "rebuild job=12 --socket /s"},
        {"cancel 12", "cancel job=12"},
        {"stacks backend", "stacks domain=backend"},
        {"stack show d s", "stack show domain=d stack=s"},
        {"stack diff d s@1 s", "stack diff domain=d other=s stack=s@1"},
        {"stack remove d s p q", "stack remove domain=d package=p package=q stack=s"},
        {"stack promote d s e@7 --project a --project b",
         "stack promote domain=d other=e@7 project=a project=b stack=s"},
        {"stack alias d latest e", "stack alias domain=d other=e stack=latest"},
        {"stack log d s", "stack log domain=d stack=s"},
        {"stack rollback d s 3 --reason why", "stack rollback domain=d generation=3 reason=why stack=s"},
    });
}

TEST_CASE("what the natural form cannot mean is told in one sentence") {
    check({
        {"buidl x", "error: there is no command \"buidl\" (did you mean \"build\"?); gachette --help lists them"},
        {"frobnicate", "error: there is no command \"frobnicate\"; gachette --help lists them"},
        {"stack frob a b", "error: there is no command \"stack frob\"; gachette --help lists them"},
        {"stack shwo a b",
         "error: there is no command \"stack shwo\" (did you mean \"stack show\"?); gachette --help lists them"},
        {"stack", "error: stack: A subcommand is required; see gachette stack --help"},
        {"build", "error: build: name is required; see gachette build --help"},
        {"stack show a", "error: stack show: stack is required; see gachette stack show --help"},
        {"jobs 1 2", "error: jobs: The following argument was not expected: 2; see gachette jobs --help"},
        {"jobs --frob", "error: jobs: The following argument was not expected: --frob; see gachette jobs --help"},
    });
    CHECK(parsed({"build", ""}) == "error: build: name must not be empty");
    CHECK(parsed({"prepare:a,u r"}) == "prepare name=a url=u r");
}

TEST_CASE("which form a line is in") {
    CHECK(original_form({}));
    CHECK(original_form({"-l"}));
    CHECK(original_form({"-H", "build:x", "version"}));
    CHECK(original_form({"build:x"}));
    CHECK_FALSE(original_form({"build", "x"}));
    CHECK_FALSE(original_form({"-H", "a:22", "build", "x"}));
    CHECK_FALSE(original_form({"stack_create", "main", "foobar1"}));
    CHECK_FALSE(original_form({"prepare", "x", "https://h/x"}));
    CHECK_FALSE(original_form({"jobs"}));
}

TEST_CASE("the list has the README's layout, then our own commands") {
    const std::string list = command_list();
    CHECK(
        list.starts_with("Available commands:\n\n"
                         "    add_to_stack  Add created package to stack and reference packages.\n"
                         "    build         Build the package for the working copy remotely via trebuchet.\n"
                         "    prepare       Prepare the working copy remotely for the project.\n"
                         "    quick         Prepare, build and add to the stack in one go.\n"
                         "    show_config   Dump settings.\n"
                         "    stack_create  Create a new stack. From old one if specified.\n"
                         "    version       Print the version.\n"
                         "\nFurther commands (gachette COMMAND --help says more):\n\n"
                         "    serve           Run the daemon"));
}

TEST_CASE("every command has a help with its parameters and an example") {
    for (const Command& command : commands()) {
        INFO(command.name);
        Words words = words_of(natural_name(command.name));
        words.push_back("--help");
        const std::string help = parse(words).text;
        CHECK(help.find(command.summary) != std::string::npos);
        CHECK(help.find("Example: " + command.example) != std::string::npos);
        for (const Parameter& parameter : command.parameters)
            CHECK(help.find(parameter.description) != std::string::npos);
        // The example is a command line that can be understood.
        CHECK(command.example.starts_with("gachette "));
    }
    const std::string help = parse({"--help"}).text;
    CHECK(help.find("Exit codes: 0 fine; 1 it failed") != std::string::npos);
    CHECK(help.find("3 the build host or the daemon cannot be reached") != std::string::npos);
    CHECK(parse({"-V"}).text == "gachette " GACHETTE_VERSION "\n");
    CHECK(parse({"build:x", "-h"}).text == parse({"build", "--help"}).text);
}

TEST_CASE("every example of the help is a command line that is understood") {
    for (const Command& command : commands()) {
        if (command.example.find('\'') != std::string::npos) continue;
        INFO(command.example);
        Words words = words_of(command.example);
        words.erase(words.begin());
        const Invocation invocation = parse(words);
        REQUIRE(invocation.calls.size() == 1);
        CHECK(invocation.calls[0].command == command.name);
    }
}
