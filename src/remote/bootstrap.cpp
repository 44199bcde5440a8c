#include "remote/bootstrap.h"

namespace gachette::remote {

// Reads byte by byte up to the end of the greeting, so that nothing of what follows is swallowed; then the program.
#define GACHETTE_BOOTSTRAP                                                                                             \
    "my ($h, $c) = (\"\", \"\"); while (length $h < 100 and sysread(STDIN, $c, 1) == 1 and $c ne \"\\n\") "            \
    "{ $h .= $c } $h =~ /^gachette 1 ([0-9a-f]{32}) ([0-9]{1,7}) ([0-9]{1,8})$/ or die \"gachette: no greeting\\n\"; " \
    "our ($NONCE, $SIZE) = ($1, $3); my ($left, $p) = ($2, \"\"); while ($left > 0) { my $n = sysread(STDIN, $p, "     \
    "$left, length $p) or die \"gachette: cut off\\n\"; $left -= $n } eval $p; die $@ if $@"

const std::string_view bootstrap_text = GACHETTE_BOOTSTRAP;
const std::string_view host_command = "exec perl -e '" GACHETTE_BOOTSTRAP "'";

#undef GACHETTE_BOOTSTRAP

}  // namespace gachette::remote
