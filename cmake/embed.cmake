# Writes the files PARTS as one string constant. Raw literals are limited to 64 KiB each, so they are cut in pieces.
set(text "")
foreach(part ${PARTS})
  file(READ ${part} content HEX)
  string(APPEND text "${content}")
endforeach()
string(LENGTH "${text}" length)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${text}")
math(EXPR size "${length} / 2")
file(WRITE ${OUT} "#include <string_view>\nnamespace gachette::${ROOM} {\nextern const std::string_view host_program_part;\n"
  "static const char bytes[] = {${bytes}0};\n"
  "const std::string_view host_program_part(bytes, ${size});\n}\n")
