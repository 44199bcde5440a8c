// The one table of commands: names, parameters, one-line descriptions, examples. Both parsers, the list, the help and
// the runner go by it.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gachette::cli {

enum class Need {
    required,
    optional,
    several,   // by place, one or more; the last one of a command
    flag,      // no value
    repeated,  // an option that may come several times
};

struct Parameter {
    std::string name;  // of the original form and in Call::values: "meta_path"
    Need need = Need::optional;
    bool place = true;   // may stand without an option's name, in the order of the table
    std::string option;  // "--meta-path", "-f,--follow"; empty: only by place
    std::string description;
};

struct Command {
    std::string name;       // as the original spells it: "stack_create"; "stack show" is a command below a command
    bool original = false;  // one of the original's tasks: also callable as task:arg,arg
    bool host = false;      // works on a build host
    std::string summary;
    std::vector<Parameter> parameters;
    std::string example;
};

std::span<const Command> commands();
// By its name in either spelling (stack_create, stack-create); nullptr when there is none.
const Command* find_command(std::string_view name);
// "stack-create" for stack_create.
std::string natural_name(std::string_view name);
// " (did you mean ...?)" for a word that is nearly the name of a command; else empty.
std::string suggestion(std::string_view word);

}  // namespace gachette::cli
