# Stacks on a build host, fourth part: create, remove, rollback, promote, freeze, thaw, alias. Each takes the lock, makes at
# most one generation and tells by the event "change OUTCOME GENERATION REASON".

# Runs the code under the stack's lock and hands over to the settler. The code returns (outcome, reason).
sub with_stack {
    my ($code) = @_;
    my $s = stack_of(parameter("meta"), parameter("domain"), parameter("stack"));
    $s->{links} = 1 if parameter("view") eq "links";
    $LOCK_SECONDS = $1 if parameter("lock_seconds") =~ /\A([0-9]{1,4})\z/;
    forget_syncs();
    lock_stack($s, parameter("by", "gachette"));
    my @answer = eval { expect_generation($s, parameter("expect_generation")); $code->($s) };
    my $problem = $@;
    settle_later($s) unless $problem && ref $problem ne "HASH";
    unlock_stack($s);
    die $problem if $problem;
    event("change", $answer[0], $s->{generation}, $answer[1]);
    return "";
}

sub asked {
    my ($operation) = @_;
    return { operation => $operation, map { ($_ => parameter($_)) } qw(by reason delivery job rule) };
}

sub create_stack {
    my ($s) = @_;
    return ("unchanged", "stack $s->{title} exists already") if $s->{form} ne "missing";
    my $from = parameter("from");
    my $base = $from ne "" ? base_from($s, $from, parameter("by", "gachette")) : undef;
    make_generation($s, $base ? $base->{lines} : {}, asked("create"), "", $base);
    return ("changed", "");
}

sub remove_packages {
    my ($s) = @_;
    need_stack($s, "there is nothing to remove");
    my %lines = %{ current_lines($s) };
    my @names = parameters("package") or give_up("refused", "no package to remove was named");
    for my $name (@names) {
        defined delete $lines{$name} or give_up("refused", "stack $s->{title} holds no package \"" . encode_value($name) . "\"");
    }
    make_generation($s, \%lines, asked("remove"), "");
    return ("changed", "");
}

sub rollback_stack {
    my ($s) = @_;
    need_stack($s, "there is nothing to roll back");
    my $to = parameter("to");
    $to =~ /\A[0-9]{1,12}\z/ && -e "$s->{gens}/$to.packages" or give_up("refused", "stack $s->{title} has no generation " . encode_value($to));
    my $lines = lines_of($s, $to);
    return ("unchanged", "stack $s->{title} holds what generation $to held") unless @{ differences(current_lines($s), $lines) };
    my $head = asked("rollback");
    $head->{reason} = "to generation $to" . ($head->{reason} ne "" ? ": $head->{reason}" : "");
    make_generation($s, $lines, $head, "");
    return ("changed", "");
}

# The content of another stack of the domain, whole or only that of named projects, in one generation.
sub promote_stack {
    my ($s) = @_;
    need_stack($s, "make it from the other one");
    my $base = base_from($s, parameter("from"), parameter("by", "gachette"));
    my %wanted = map { $_ => 1 } parameters("project");
    my %lines = %wanted ? %{ current_lines($s) } : ();
    for my $name (keys %{ $base->{lines} }) {
        my $line = $base->{lines}{$name};
        $lines{$name} = $line if !%wanted || $wanted{ package_of($name, $line)->{project} };
    }
    return ("unchanged", "stack $s->{title} holds this already") unless @{ differences(current_lines($s), \%lines) };
    my $head = asked("promote");
    $head->{reason} = "from $base->{title}" . ($head->{reason} ne "" ? ": $head->{reason}" : "");
    make_generation($s, \%lines, $head, "");
    return ("changed", "");
}

sub freeze_stack {
    my ($s, $thaw) = @_;
    give_up("refused", "stack $s->{title} does not exist; there is nothing to freeze") if $s->{form} eq "missing" || $s->{form} eq "alias";
    my $ice = frozen($s);
    return ("unchanged", "stack $s->{title} is " . ($thaw ? "not frozen" : "frozen already")) if $thaw ? !$ice : $ice;
    adopt_foreign($s) unless $thaw;
    (my $folder = $s->{state}) =~ s{/[^/]+\z}{};
    put_folder($folder);
    if ($thaw) {
        unlink $s->{state} or give_up("infrastructure", "$s->{state}: cannot be removed: $!");
        sync_folder_later($folder);
    } else {
        replace_file($s->{state}, "frozen\t" . join("\t", map { encode_value($_) } parameter("by"), iso_time(), parameter("reason")) . "\n");
    }
    journal($s, journal_line({ %{ asked($thaw ? "thaw" : "freeze") }, generation => $s->{generation}, at => iso_time() }, []));
    sync_now();
    return ("changed", "");
}

# "latest" and friends: a relative link to a stack of the same domain. Never over a stack.
sub set_alias {
    my $alias = stack_of(parameter("meta"), parameter("domain"), parameter("stack"));
    my $to = look(stack_of($alias->{meta}, $alias->{domain}, parameter("to")));
    give_up("refused", "stack $to->{title} does not exist; an alias needs one") if $to->{form} eq "missing";
    give_up("refused", "$to->{title} is an alias itself; name the stack") if $to->{form} eq "alias";
    forget_syncs();
    lock_stack($alias, parameter("by", "gachette"));
    give_up("refused", "$alias->{title} is a stack; an alias cannot take its name")
        if $alias->{form} ne "alias" && $alias->{form} ne "missing" || -d $alias->{gens};
    put_folder($alias->{spare});
    unlink "$alias->{spare}/alias";
    put_link($to->{stack}, "$alias->{spare}/alias");
    move("$alias->{spare}/alias", $alias->{view});
    sync_folder_later($alias->{folder});
    sync_now();
    event("change", "changed", 0, "$alias->{title} means $to->{stack} now");
    return "";
}

# The command line's add: packages whose files lie in debs already; name, version and file as parallel lists.
sub add_packages {
    my ($names, $versions, $files) = map { [parameters($_)] } qw(name version file);
    @$names == @$versions && @$names == @$files or give_up("refused", "every package needs its name, version and file");
    (my $debs = parameter("debs")) =~ s{/+\z}{};
    my @packages;
    for my $index (0 .. $#$names) {
        my %package = (name => $names->[$index], version => $versions->[$index], file => $files->[$index]);
        check_package(\%package);
        $package{architecture} = $1 if $package{file} =~ /[-_]([a-z0-9]{2,20})\.deb\z/;
        if ($debs ne "") {
            my $path = "$debs/$package{file}";
            if (-f $path) {
                $package{size} = -s _;
                $package{sha256} = sha256_of($path);
            } else {
                event("note", "$path is not there yet: a host that installs $package{name} from this stack would fail");
            }
        }
        push @packages, \%package;
    }
    my $change = asked("add");
    @$change{qw(meta domain stack packages expect_generation view)} =
        (parameter("meta"), parameter("domain"), parameter("stack"), \@packages, parameter("expect_generation"), parameter("view"));
    @$change{qw(from create project ref commit arrival forced)} =
        map { parameter($_) } qw(from create project ref commit arrival forced);
    my $result = apply_change($change);
    event("change", @$result{qw(outcome generation reason)});
    give_up("refused", $result->{reason}) if $result->{outcome} eq "refused";
    return "";
}
