# Stacks on a build host, fifth part: reading. No lock is taken: a generation never changes, and the view is looked at once.

# Follows an alias, at most once.
sub stack_to_read {
    my ($meta, $domain, $name) = @_;
    my $s = look(stack_of($meta, $domain, $name));
    return $s unless $s->{form} eq "alias";
    $s->{target} =~ m{\A([^/@]+)(?:@([0-9]{1,12}))?\z} && valid_name($1)
        or give_up("refused", "stack $s->{title} is a link to " . encode_value($s->{target}) . ", which is not a stack");
    my $target = look(stack_of($meta, $domain, $1));
    $target->{pinned} = $2;
    return $target;
}

sub tell_stack {
    my ($s, $n, $count) = @_;
    my $head = $n ? head_of($s, $n) : {};
    my $ice = frozen($s) || {};
    event("stack", $s->{domain}, $s->{stack}, $n, defined $count ? $count : $head->{packages}, $s->{form},
        (map { defined $head->{$_} ? $head->{$_} : "" } qw(operation at by parent reason)),
        %$ice ? 1 : 0, map { defined $ice->{$_} ? $ice->{$_} : "" } qw(by at reason));
}

# Events: one "stack", then "package" with the fields of a line.
sub show_stack {
    my $s = stack_to_read(parameter("meta"), parameter("domain"), parameter("stack"));
    my $wanted = parameter("generation");
    $wanted = $s->{pinned} if $wanted eq "" && defined $s->{pinned};
    if ($wanted ne "") {
        $wanted =~ /\A[0-9]{1,12}\z/ && $wanted > 0 && -e "$s->{gens}/$wanted.packages"
            or give_up("refused", "stack $s->{title} has no generation " . encode_value($wanted));
    } elsif ($s->{form} eq "missing" || $s->{form} eq "alias") {
        give_up("refused", "stack $s->{title} does not exist");
    }
    my $n = $wanted ne "" ? $wanted : $s->{generation};
    my $lines = $n ? lines_of($s, $n) : {};
    my $edits = $wanted ne "" || $s->{form} eq "link" ? {} : foreign_edits($s->{view}, $lines, 1);
    for my $name (keys %$edits) {    # shown as it is; the next change takes it over
        defined $edits->{$name} ? $lines->{$name} = line_of({ version => $edits->{$name} }) : delete $lines->{$name};
    }
    tell_stack($s, $n, scalar keys %$lines);
    my $text = "";
    for my $name (sort keys %$lines) {    # the fields are encoded for the wire already
        $text .= join(" ", "\@$NONCE", "package", encode_value($name), split(/\t/, $lines->{$name}, -1)) . "\n";
    }
    write_all(\*STDOUT, $text);
    event("note", "other programs changed " . scalar(keys %$edits) . " packages of $s->{title} since generation $n; "
        . "the next change takes that over") if %$edits && $n;
    return "";
}

sub list_stacks {
    my $meta = parameter("meta");
    $meta =~ s{/+\z}{};
    valid_folder($meta) or give_up("refused", "meta_path \"" . encode_value($meta) . "\" is not an absolute path");
    my $only = parameter("domain");
    for my $domain ($only ne "" ? $only : sort { $a cmp $b } names_in("$meta/domain")) {
        next unless valid_name($domain);
        for my $name (sort { $a cmp $b } names_in("$meta/domain/$domain/stacks")) {
            next unless valid_name($name);
            my $s = eval { look(stack_of($meta, $domain, $name)) } or next;
            if ($s->{form} eq "alias") {
                event("alias", $domain, $name, $s->{target});
            } elsif ($s->{form} ne "missing") {
                tell_stack($s, $s->{generation}, $s->{generation} ? undef : scalar names_in("$s->{view}/packages"));
            }
        }
    }
    return "";
}

# The journal, newest first, at most "limit" lines: events "entry JSON".
sub log_stack {
    my $s = stack_to_read(parameter("meta"), parameter("domain"), parameter("stack"));
    my $limit = parameter("limit") =~ /\A([1-9][0-9]{0,6})\z/ ? $1 : 1_000_000;
    my $text = read_whole($s->{journal});
    if (!defined $text) {
        give_up("refused", "stack $s->{title} does not exist") if $s->{form} eq "missing";
        return "";
    }
    my @lines = split /\n/, $text, -1;
    pop @lines;    # after the last line feed: nothing, or a line that is being written
    for my $line (reverse @lines) {
        last if $limit-- <= 0;
        event("entry", $line);
    }
    return "";
}

# Everything that must hold, looked at on the disk. Events "problem SUBJECT SENTENCE", then "verified PACKAGES PROBLEMS".
sub verify_stack {
    my $s = stack_to_read(parameter("meta"), parameter("domain"), parameter("stack"));
    give_up("refused", "stack $s->{title} does not exist") if $s->{form} eq "missing" || $s->{form} eq "alias";
    (my $debs = parameter("debs")) =~ s{/+\z}{};
    my $sums = parameter("sums") eq "1";
    my $n = $s->{generation};
    my $lines = $n ? lines_of($s, $n) : {};
    my $edits = $s->{form} eq "link" ? {} : foreign_edits($s->{view}, $lines, 1);
    my $problems = 0;
    my $problem = sub { ++$problems; event("problem", @_) };
    for my $name (sort keys %$edits) {
        my $is = defined $edits->{$name} ? "holds \"" . encode_value($edits->{$name}) . "\"" : "does not hold it";
        $problem->($name, "the tree $is, which no change of gachette made; the next change takes it over") if $n;
        $lines->{$name} = line_of({ version => $edits->{$name} }) if !$n && defined $edits->{$name};
    }
    for my $name (sort keys %$lines) {
        my $package = package_of($name, $lines->{$name});
        my $home = "$s->{meta}/packages/$name/version/$package->{version}";
        my ($file, $version) = map { my $text = read_whole("$home/$_"); defined $text ? $text : "" } qw(file version);
        if ($n) {
            my $seen = read_whole("$s->{gens}/$n/packages/$name/version");
            $problem->($name, "generation $n leads to \"" . encode_value(defined $seen ? $seen : "nothing") . "\" instead of $package->{version}")
                unless defined $seen && $seen eq "$package->{version}\n";
            $problem->($name, "$home/version does not say $package->{version}") if $version ne "$package->{version}\n";
        }
        if ($file eq "" || ($package->{file} ne "" && $file ne "$package->{file}\n")) {
            $problem->($name, "$home/file " . ($file eq "" ? "is missing" : "names another file than $package->{file}"));
            next;
        }
        next if $debs eq "";
        $file =~ s/\n\z//;
        if (!valid_deb_file($file) || !-f "$debs/$file") {
            $problem->($name, "the package file " . encode_value($file) . " is not in $debs");
        } elsif ($package->{size} ne "" && -s _ != $package->{size}) {
            $problem->($name, "$debs/$file has " . (-s _) . " bytes, recorded are $package->{size}");
        } elsif ($sums && $package->{sha256} ne "" && (my $is = sha256_of("$debs/$file")) ne $package->{sha256}) {
            $problem->($name, "$debs/$file has SHA-256 $is, recorded is $package->{sha256}");
        }
    }
    my %known = map { $_ => 1 } keys %$lines;
    if ($n) {
        $problem->($_, "generation $n leads to a package that is not in its list") for grep { !$known{$_} } names_in("$s->{gens}/$n/packages");
    }
    event("verified", scalar(keys %$lines), $problems);
    return "";
}

# The program for everything but jobs: parameter "operation" and its own.
sub stack_main {
    umask 022;
    our $ANSWER_LATER = 1;
    my %operations = (
        create => sub { with_stack(\&create_stack) },
        add => \&add_packages,
        remove => sub { with_stack(\&remove_packages) },
        rollback => sub { with_stack(\&rollback_stack) },
        promote => sub { with_stack(\&promote_stack) },
        freeze => sub { with_stack(sub { freeze_stack($_[0], 0) }) },
        thaw => sub { with_stack(sub { freeze_stack($_[0], 1) }) },
        adopt => sub { with_stack(sub { need_stack($_[0], "there is nothing to adopt"); return ("changed", "") }) },
        alias => \&set_alias,
        show => \&show_stack,
        list => \&list_stacks,
        log => \&log_stack,
        verify => \&verify_stack,
        settle => \&settle_now,
    );
    run_and_tell(sub {
        my $operation = parameter("operation");
        my $code = $operations{$operation} or give_up("refused", "there is no operation \"" . encode_value($operation) . "\"");
        return $code->();
    });
    answer_sent();
}

# Settles while the caller waits: when it is answered, the view is a plain folder.
sub settle_now {
    my $s = stack_of(parameter("meta"), parameter("domain"), parameter("stack"));
    forget_syncs();
    lock_stack($s, "settle");
    settle($s, undef);
    event("change", "unchanged", $s->{generation}, "");
    unlock_stack($s);
    return "";
}
