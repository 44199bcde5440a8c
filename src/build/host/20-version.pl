# Version templates and path patterns on the host, where date, count and changed files are known. The rules are those of
# src/model/version.h and pattern.h; one table of cases feeds both sides in the tests, so that they cannot drift apart.

sub dotted {
    my ($text) = @_;
    $text =~ s/[^A-Za-z0-9+~]+/./g;
    return substr($text, 0, 40);
}

# origin-<branch> or <tag>, as the original wrote it.
sub original_ref {
    my ($facts) = @_;
    return "" if $facts->{short_ref} eq "";
    my $text = $facts->{short_ref};
    $text =~ tr{/_}{--};
    $text =~ s/[\x80-\xbf]//g;
    $text =~ s/[^A-Za-z0-9.+~-]/./g;
    $text = "origin-$text" if $facts->{kind} eq "branch";
    $text =~ s/-\z/./;
    return $text;
}

sub version_field {
    my ($name, $argument, $facts) = @_;
    my $branch = $facts->{kind} eq "branch";
    return $facts->{base} if $name eq "base";
    return $facts->{commit} if $name eq "sha";
    return substr($facts->{commit}, 0, $argument eq "" ? 7 : $argument) if $name eq "short_sha";
    return $branch ? dotted($facts->{short_ref}) : "" if $name eq "branch";
    return POSIX::strftime($argument eq "" ? "%Y%m%d" : $argument, gmtime($facts->{commit_time})) if $name eq "date";
    return $facts->{count} > 0 ? $facts->{count} : "" if $name eq "count";
    return dotted($facts->{project}) if $name eq "project";
    return original_ref($facts) if $name eq "ref";
    return undef unless $name eq "tag";
    return "" if $branch;
    (my $tag = $facts->{short_ref}) =~ s/\Av(?=[0-9])//;
    return dotted($tag);
}

# What is wrong with a version (Debian policy 5.6.12); "" when nothing is.
sub version_problem {
    my ($version) = @_;
    return "it is empty" if $version eq "";
    return sprintf("it has %d bytes; at most 200 are allowed", length $version) if length $version > 200;
    if ($version =~ s/\A([^:]*)://) {
        my $epoch = $1;
        return "what stands before the colon (the epoch) must be a number"
            unless $epoch =~ /\A[0-9]{1,18}\z/ && $epoch <= 2147483647;
    }
    return "it must begin with a digit" unless $version =~ /\A[0-9]/;
    return "only letters, digits and . + - ~ are allowed" unless $version =~ /\A[A-Za-z0-9.+~-]+\z/;
    return "nothing follows the last \"-\" (the Debian revision)" if $version =~ /-\z/;
    return "";
}

# The version of a commit; gives up with a sentence when the template gives none that Debian takes. The template's form
# was checked before it was sent.
sub expand_version {
    my ($template, $facts) = @_;
    my ($version, $group, $group_empty, $empty) = ("", undef, 0, "");
    my $add = sub { defined $group ? ($group .= $_[0]) : ($version .= $_[0]) };
    while ($template =~ /\G(?:(\{\{|\}\})|\{([a-z_]+)(?::([^}]*))?\}|(\[)|(\])|([^{}\[\]]+)|(.))/gs) {
        my ($brace, $name, $argument, $opens, $closes, $literal, $odd) = ($1, $2, $3, $4, $5, $6, $7);
        if (defined $brace) { $add->(substr($brace, 0, 1)) }
        elsif (defined $literal) { $add->($literal) }
        elsif (defined $opens) { ($group, $group_empty) = ("", 0) }
        elsif (defined $closes) {
            $version .= $group unless $group_empty || !defined $group;
            $group = undef;
        } elsif (defined $name) {
            my $value = version_field($name, defined $argument ? $argument : "", $facts);
            give_up("refused", "version template \"$template\": unknown field {$name}") unless defined $value;
            if ($value eq "") { defined $group ? ($group_empty = 1) : ($empty = $name) }
            $add->($value);
        } else { give_up("refused", "version template \"$template\": a $odd stands alone") }
    }
    my $problem = version_problem($version);
    $problem = "{$empty} is empty here; write [...] around what may be left out" if $empty ne "";
    give_up("failed", "version template \"$template\" gives \"$version\": $problem") if $problem ne "";
    return $version;
}

# --- patterns: "*" anything but "/", "**" anything, "?" one character, "!" takes back -----------------------------------

my $ONE = '(?:[\xc0-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xff][\x80-\xbf]{3}|[^/])';

sub pattern_expression {
    my ($pattern) = @_;
    my ($text, $folder_start) = ("", 1);
    while ($pattern ne "") {
        my $taken;
        if ($folder_start && $pattern =~ s{\A(\*\*/)}{}) { ($taken, $text) = ($1, "$text(?:.*/)?") }
        elsif ($pattern =~ s{\A(\*+)}{}) { ($taken, $text) = ($1, $text . (length $1 == 1 ? "[^/]*" : ".*")) }
        elsif ($pattern =~ s{\A(.)}{}s) { ($taken, $text) = ($1, $text . ($1 eq "?" ? $ONE : quotemeta $1)) }
        $folder_start = $taken =~ m{/\z};
    }
    return qr/\A$text\z/s;
}

sub patterns_match {
    my ($patterns, $text) = @_;
    my $matches = 0;
    for my $pattern (@$patterns) {
        my $takes_back = $pattern =~ /\A!(.*)\z/s;
        my $plain = $takes_back ? $1 : $pattern;
        $matches = !$takes_back || 0 if $text =~ pattern_expression($plain);
    }
    return $matches ? 1 : 0;
}
