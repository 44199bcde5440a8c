# Stacks on a build host, third part: references, generations and the one commit point.

# A text put at its place once and for all, atomically; other content there is refused. Empty files are what a power cut
# left of a foreign writer and are replaced.
sub put_once {
    my ($s, $path, $text, $refusal) = @_;
    my $there = read_whole($path);
    if (defined $there && $there =~ /\S/) {
        return if $there eq $text;
        give_up("refused", $refusal->($there));
    }
    our $REFERENCE_COUNT;
    my $beside = "$s->{spare}/ref-$$-" . ++$REFERENCE_COUNT;
    put_folder($s->{spare});
    write_new($beside, $text);
    if (defined $there) {
        move($beside, $path);
    } else {
        my $linked = link($beside, $path);
        my $exists = $!{EEXIST};
        unlink $beside;
        return put_once($s, $path, $text, $refusal) if !$linked && $exists;
        $linked or give_up("infrastructure", "$path: cannot be made: $!");
    }
    (my $parent = $path) =~ s{/[^/]+\z}{};
    sync_folder_later($parent);
}

# META/packages/<p>/version/<v>/: which file a version is. $file "" only makes sure that links to it lead somewhere.
sub put_reference {
    my ($s, $name, $version, $file) = @_;
    my $above = "$s->{meta}/packages/$name/version";
    my $home = "$above/$version";
    our $REFERENCE_COUNT;
    if (!-d $home && $file ne "") {    # the usual case: both files at once by one rename
        put_folder($above);
        put_folder($s->{spare});
        my $beside = "$s->{spare}/ref-$$-" . ++$REFERENCE_COUNT;
        mkdir $beside, 0755 or give_up("infrastructure", "$beside: cannot be made: $!");
        for (["file", $file], ["version", $version]) {
            sysopen(my $handle, "$beside/$_->[0]", O_WRONLY | O_CREAT | O_EXCL, 0644)
                or give_up("infrastructure", "$beside: cannot be filled: $!");
            write_all($handle, "$_->[1]\n") or give_up("infrastructure", "$beside: cannot be filled: $!");
            close $handle;
        }
        if (rename $beside, $home) {
            sync_later(\@SYNC_FILES, "$home/file");
            sync_later(\@SYNC_FILES, "$home/version");
            sync_folder_later($home);
            sync_folder_later($above);
            return;
        }
        remove_tree($beside);    # somebody else was faster
    }
    put_folder($home);
    put_once($s, "$home/file", "$file\n", sub {
        (my $there = $_[0]) =~ s/\n.*//s;
        return "package $name $version is already the file " . encode_value($there) . "; gachette does not make it $file: "
            . "give the package another version";
    }) if $file ne "";
    put_once($s, "$home/version", "$version\n", sub {
        return "$home/version says " . encode_value($_[0]) . ": another program wrote through a link; put the line $version back";
    });
}

sub link_entries {
    my ($s, $from, $to, $lines, $between) = @_;
    my $count = 0;
    for my $name (keys %$lines) {
        $between->() if $between && ++$count % 64 == 0;
        next if defined $from && link("$from/$name", "$to/$name");
        put_link("../../../../../packages/$name/version/" . version_of($lines->{$name}), "$to/$name");
    }
}

sub differences {
    my ($old, $new) = @_;
    my @changes;
    return \@changes if $old == $new;
    for my $name (keys %$new) {
        next if defined $old->{$name} && $old->{$name} eq $new->{$name};
        my $to = version_of($new->{$name});
        my $from = defined $old->{$name} ? version_of($old->{$name}) : "";
        push @changes, [$name, $from, $to];
    }
    push @changes, [$_, version_of($old->{$_}), ""] for grep { !defined $new->{$_} } keys %$old;
    return [sort { $a->[0] cmp $b->[0] } @changes];
}

# The tree of generation $n: from what was made in advance, or from the base's links.
sub put_tree {
    my ($s, $n, $base, $lines) = @_;
    my $tree = "$s->{gens}/$n";
    my $next = "$s->{spare}/next-$s->{generation}-$BOOT";
    my $moves = differences($base->{lines}, $lines);
    if ($base->{source} && !@$moves) {    # a clone shares the tree: constant time
        put_link("../$base->{source}", $tree);
        return sync_folder_later($s->{gens});
    }
    if (!$base->{source} && -d $next && rename $next, $tree) {
        # complete already
    } else {
        mkdir $tree, 0755 or give_up("infrastructure", "$tree: cannot be made: $!");
        mkdir "$tree/packages", 0755 or give_up("infrastructure", "$tree/packages: cannot be made: $!");
        link_entries($s, $base->{tree} ? "$base->{tree}/packages" : undef, "$tree/packages", $base->{lines});
    }
    for my $change (@$moves) {
        my ($name, $from, $to) = @$change;
        next if $from eq $to;
        unlink "$tree/packages/$name" if $from ne "";
        put_link("../../../../../packages/$name/version/$to", "$tree/packages/$name") if $to ne "";
    }
    sync_folder_later("$tree/packages");
    sync_folder_later($tree);
    sync_folder_later($s->{gens});
}

# Makes generation n + 1 of these lines and commits it. Under the lock, the view in order. $mode "note": the plain view
# holds this content already. $base: made from another stack's generation. Returns the number.
sub make_generation {
    my ($s, $lines, $head, $mode, $base) = @_;
    my $old = current_lines($s);
    my $n = ($s->{last} > $s->{generation} ? $s->{last} : $s->{generation}) + 1;
    put_folder($_) for $s->{gens}, $s->{folder}, $s->{spare};
    $base ||= { lines => $old, tree => $s->{generation} ? "$s->{gens}/$s->{generation}" : undef };
    put_tree($s, $n, $base, $lines);
    my $shared = $base->{source} && !@{ differences($base->{lines}, $lines) };
    unless ($shared && link($base->{list}, "$s->{gens}/$n.packages")) {
        put_file("$s->{gens}/$n.packages", join("", map { "$_\t$lines->{$_}\n" } sort keys %$lines));
    }
    my %fields = (%$head, generation => $n, at => iso_time());
    $fields{parent} = $base->{title} ? $base->{title} : $s->{generation} ? "$s->{stack}\@$s->{generation}" : "";
    my $line = journal_line(\%fields, $shared ? [] : differences($base->{lines}, $lines));
    (my $one_line = $line) =~ s/\n\z//;
    @fields{qw(format domain stack packages journal)} = ("gachette 1", $s->{domain}, $s->{stack}, scalar(keys %$lines), $one_line);
    put_file("$s->{gens}/$n.manifest",
        join("", map { "$_\t" . manifest_value($fields{$_}) . "\n" } grep { defined $fields{$_} } sort keys %fields));
    my $name = "$s->{folder}/$s->{stack}\@$n";
    unlink $name;
    put_link("../../../.generations/$s->{domain}/$s->{stack}/$n", $name);
    sync_folder_later($s->{folder});
    my $ready = $mode ne "note" && $s->{form} ne "missing" && !$s->{links} && spare_ready($s, $lines, 16);
    bring_plain($s, "$s->{spare}/plain", $ready, $lines, $n) if $ready;
    sync_now();
    commit($s, $n, $mode, $ready);
    journal($s, $line);
    sync_folder_later($s->{folder});
    sync_now();
    @$s{qw(generation last lines)} = ($n, $n, $lines);
    return $n;
}
sub manifest_value { my ($text) = @_; $text =~ s/([%\t\n\r])/sprintf("%%%02x", ord($1))/ge; return $text }

# The commit point: the one step after which readers see generation n.
sub commit {
    my ($s, $n, $mode, $ready) = @_;
    my $target = "../../../.generations/$s->{domain}/$s->{stack}/$n";
    my ($plain, $link, $view) = ("$s->{spare}/plain", "$s->{spare}/link", $s->{view});
    if ($s->{form} eq "missing") {
        symlink($target, $view) or give_up("refused", "stack $s->{title} was made by another program meanwhile; try again");
        $s->{form} = "link";
    } elsif ($mode eq "note") {
        put_file_over("$view/.generation", generation_text($s, $n));
        sync_folder_later($view);
        $s->{form} = "plain";
    } elsif ($ready && exchange($plain, $view)) {
        $s->{form} eq "link" ? unlink $plain : move($plain, "$s->{spare}/displaced");
        $s->{form} = "plain";
    } else {
        put_link($target, $link);
        if ($s->{form} eq "link") {
            move($link, $view);
        } else {
            throw_away($s, "$s->{spare}/displaced");
            if (exchange($link, $view)) {
                move($link, "$s->{spare}/displaced");
            } else {    # no exchange here: two renames, the best there is; from now on the view stays a link
                move($view, "$s->{spare}/displaced");
                move($link, $view);
            }
        }
        $s->{form} = "link";
    }
}

# --- what may change ---------------------------------------------------------------------------------------------------

sub frozen {
    my ($s) = @_;
    my $text = read_whole($s->{state});
    return unless defined $text && $text =~ /\Afrozen\t([^\t]*)\t([^\t]*)\t([^\t\n]*)\n\z/;
    return { by => decode_value($1), at => decode_value($2), reason => decode_value($3) };
}

sub refuse_frozen {
    my ($s) = @_;
    my $ice = frozen($s) or return;
    give_up("refused", "stack $s->{title} is frozen since $ice->{at}"
        . ($ice->{by} ne "" ? " by $ice->{by}" : "") . ($ice->{reason} ne "" ? ": $ice->{reason}" : ""));
}

# A stack that exists, in order, foreign changes taken over.
sub need_stack {
    my ($s, $hint) = @_;
    give_up("refused", "stack $s->{title} is an alias of " . encode_value($s->{target}) . "; change that one") if $s->{form} eq "alias";
    give_up("refused", "stack $s->{title} does not exist; $hint") if $s->{form} eq "missing";
    refuse_frozen($s);
    adopt_foreign($s);
}

sub expect_generation {
    my ($s, $expected) = @_;
    return if !defined $expected || $expected eq "" || $expected == $s->{generation};
    give_up("refused", "stack $s->{title} is at generation $s->{generation}, not $expected: look at it again");
}

# "stack", "stack@n" or an alias of the same domain as (stack object, generation); an original's stack is adopted first.
sub source_of {
    my ($s, $text, $words) = @_;
    my ($name, $n) = $text =~ /\A([^@]+)(?:@([0-9]{1,12}))?\z/ or give_up("refused", "\"" . encode_value($text) . "\" is not a stack or stack\@generation");
    for (1 .. 8) {
        my $source = look(stack_of($s->{meta}, $s->{domain}, $name));
        if ($source->{form} eq "alias") {
            $source->{target} =~ m{\A([^/@]+)(?:@([0-9]{1,12}))?\z} or last;
            ($name, $n) = ($1, defined $n ? $n : $2);
            next;
        }
        last if $source->{form} eq "missing" && !defined $n;
        give_up("refused", "stack $s->{title} cannot be made from itself") if $source->{stack} eq $s->{stack} && $s->{form} eq "missing";
        if (!defined $n && ($source->{form} eq "foreign" || $source->{form} eq "plain" && %{ foreign_edits($source->{view}, current_lines($source), 0) })) {
            my %kept = (files => [@SYNC_FILES], folders => [@SYNC_FOLDERS]);
            lock_stack($source, $words);
            adopt_foreign($source);
            $source->{links} = $s->{links};
            my $adopted = $source->{generation};
            settle_later($source);
            sync_later(\@SYNC_FILES, $_) for @{ $kept{files} };
            sync_later(\@SYNC_FOLDERS, $_) for @{ $kept{folders} };
            $n = $adopted;
        }
        $n = $source->{generation} unless defined $n;
        -e "$source->{gens}/$n.packages" or give_up("refused", "stack $source->{title} has no generation $n");
        return ($source, $n);
    }
    give_up("refused", "stack $s->{title} cannot be made from $s->{domain}/" . encode_value($text) . ", which does not exist");
}

sub base_from {
    my ($s, $from, $words) = @_;
    my ($source, $n) = source_of($s, $from, $words);
    return { lines => lines_of($source, $n), tree => "$source->{gens}/$n", list => "$source->{gens}/$n.packages",
        source => "$source->{stack}/$n", title => "$source->{stack}\@$n" };
}

# --- never backwards ---------------------------------------------------------------------------------------------------

# What the change may do to a stack with these lines: (outcome, reason). Outcome "changed" means: go on.
sub order_of {
    my ($change, $lines, $title) = @_;
    my ($project, $ref, $commit) = map { defined $_ ? $_ : "" } @$change{qw(project ref commit)};
    return ("changed", "") if $project eq "" || $ref eq "" || $commit eq "";
    my $held;
    my $needle = "\t" . encode_value($project) . "\t" . encode_value($ref) . "\t";
    for my $name (sort keys %$lines) {
        next if index($lines->{$name}, $needle) < 0;
        my $package = package_of($name, $lines->{$name});
        next unless $package->{project} eq $project && $package->{ref} eq $ref && $package->{commit} ne "";
        $held = $package if !$held || ($package->{arrival} || 0) > ($held->{arrival} || 0);
    }
    return ("changed", "") if !$held || $held->{commit} eq $commit;
    my ($was, $new) = (substr($held->{commit}, 0, 10), substr($commit, 0, 10));
    my ($then, $now) = map { defined $_ && /\A[0-9]{1,15}\z/ ? $_ : 0 } ($held->{arrival}, $change->{arrival});
    my $relation = $change->{ancestry} ? $change->{ancestry}->($held->{commit}, $commit) : "unknown";
    return ("changed", "") if $relation eq "forward" || $relation eq "same";
    return ("superseded", "stack $title holds a newer commit $was of $ref; gachette does not go back to $new")
        if $relation eq "backward";
    if ($relation eq "diverged") {
        return ("refused", "commit $new of $ref does not follow $was, which stack $title holds, and the rule refuses forced pushes")
            if ($change->{forced} || "take") ne "take";
        return ("superseded", "commit $new of $ref does not follow $was, which stack $title holds and which arrived later")
            if $now <= $then;
        my $confirmed = $change->{confirmed} ? $change->{confirmed}->() : undef;
        return ("superseded", "commit $new does not follow $was, which stack $title holds, and the repository says that $ref is elsewhere")
            if defined $confirmed && !$confirmed;
        return ("changed", "a forced push: $new takes the place of $was, which it does not follow");
    }
    return ("superseded", "stack $title holds $was of $ref, which arrived later than $new (git cannot tell how they are related)")
        if $now < $then;
    return ("changed", "git cannot tell how $new is related to $was; it arrived later");
}

# --- the changes -------------------------------------------------------------------------------------------------------

sub check_package {
    my ($package) = @_;
    my ($name, $version, $file) = map { defined $_ ? $_ : "" } @$package{qw(name version file)};
    valid_package($name) or give_up("refused", "package name \"" . encode_value($name) . "\" is not one of Debian's");
    valid_version($version) or give_up("refused", "package $name: version \"" . encode_value($version) . "\" is not one of Debian's");
    valid_deb_file($file) or give_up("refused", "package $name: file \"" . encode_value($file) . "\" is not the name of a .deb");
    ($package->{sha256} || "") =~ /\A(?:[0-9a-f]{64})?\z/ or give_up("refused", "package $name: the SHA-256 is not 64 lower-case hex digits");
    (defined $package->{size} ? $package->{size} : "") =~ /\A[0-9]{0,15}\z/ or give_up("refused", "package $name: the size is not a number");
}

# Why the same version may not enter again: its bytes are others.
sub refuse_other_bytes {
    my ($s, $package, $line) = @_;
    my $held = package_of($package->{name}, $line);
    return unless $held->{version} eq $package->{version};
    my ($was, $is) = ($held->{sha256}, $package->{sha256} || "");
    return if $was eq "" || $is eq "" || $was eq $is;
    give_up("refused", "package $package->{name} $package->{version} is in stack $s->{title} with SHA-256 $was, not $is: "
        . "a version never changes its content, give it another one");
}

sub words_of { my ($change) = @_; my $job = $change->{job}; return defined $job && $job ne "" ? "job $job" : ($change->{by} || "gachette") }

# See brief of the rooms: one change of any number of packages. Takes the lock itself and hands it to the settler.
sub apply_change {
    my ($change) = @_;
    my $result = eval {
        my $s = stack_of($change->{meta}, $change->{domain}, $change->{stack});
        $s->{links} = 1 if ($change->{view} || "") eq "links";
        @{ $change->{packages} || [] } or give_up("refused", "the change has no packages");
        my %seen;
        for my $package (@{ $change->{packages} }) {
            check_package($package);
            $seen{ $package->{name} }++ and give_up("refused", "package $package->{name} is there twice");
        }
        forget_syncs();
        lock_stack($s, words_of($change));
        my @answer = eval { change_locked($s, $change) };
        my $problem = $@;
        settle_later($s) unless $problem && ref $problem ne "HASH";
        unlock_stack($s);
        die $problem if $problem;
        return { outcome => $answer[0], generation => $s->{generation}, reason => $answer[1] };
    };
    my $problem = $@;
    forget_syncs();
    answer_sent() unless our $ANSWER_LATER;
    return $result if $result;
    die $problem unless ref $problem eq "HASH" && $problem->{class} eq "refused";
    return { outcome => "refused", generation => 0, reason => $problem->{reason} };
}

# Records in the journal what was not done and why.
sub note_refusal {
    my ($s, $change, $outcome, $reason) = @_;
    return if $s->{form} eq "missing";
    journal($s, journal_line({ %{ provenance($change) }, generation => $s->{generation}, at => iso_time(), operation => $outcome,
        reason => $reason }, []));
    sync_now();
}

sub provenance {
    my ($change) = @_;
    return { map { ($_ => defined $change->{$_} ? $change->{$_} : "") } qw(project ref commit arrival delivery job by rule reason) };
}

sub change_locked {
    my ($s, $change) = @_;
    my $base;
    if ($s->{form} eq "missing") {
        my $from = defined $change->{from} ? $change->{from} : "";
        give_up("refused", "stack $s->{title} does not exist; make it with stack-create, or give its rule \"from\" or \"create\"")
            if $from eq "" && !$change->{create};
        $base = base_from($s, $from, words_of($change)) if $from ne "";
    } else {
        need_stack($s, "");
    }
    expect_generation($s, $change->{expect_generation});
    my $old = $base ? $base->{lines} : current_lines($s);
    my ($outcome, $reason) = order_of($change, $old, $s->{title});
    if ($outcome ne "changed") {
        note_refusal($s, $change, $outcome, $reason);
        return ($outcome, $reason);
    }
    my %lines = %$old;
    my $moved = 0;
    my $next = ($s->{last} > $s->{generation} ? $s->{last} : $s->{generation}) + 1;
    for my $package (@{ $change->{packages} }) {
        my $name = $package->{name};
        my $held = defined $old->{$name} ? $old->{$name} : undef;
        refuse_other_bytes($s, $package, $held) if defined $held;
        my %entry = (%$package, map { ($_ => defined $change->{$_} ? $change->{$_} : "") } qw(project ref commit arrival));
        $entry{since} = "$s->{stack}\@$next";
        if (defined $held) {
            my $was = package_of($name, $held);
            $entry{since} = $was->{since} if $was->{version} eq $package->{version};
            # The same bytes again, whoever brings them: not a change.
            if ($was->{version} eq $package->{version} && $was->{file} eq $package->{file}
                && ($was->{sha256} eq ($package->{sha256} || "") || ($package->{sha256} || "") eq "")) {
                next if $was->{commit} eq $entry{commit} || $entry{commit} eq "";
            }
        }
        put_reference($s, $name, $package->{version}, $package->{file});
        $lines{$name} = line_of(\%entry);
        ++$moved;
    }
    return ("unchanged", "stack $s->{title} holds these packages already") if !$moved && $s->{form} ne "missing";
    my $fields = provenance($change);
    $fields->{operation} = $base || $s->{form} eq "missing" ? "create" : "add";
    $fields->{reason} = join("; ", grep { $_ ne "" } $fields->{reason}, $reason);
    make_generation($s, \%lines, $fields, "", $base);
    return ("changed", $reason);
}

# Puts a finished .deb into debs under its name, once: 1 when it is new, 0 when the same bytes are there already. Other
# bytes under that name are refused, unless no stack ever referred to the version (with $meta): then they are what an
# attempt left that never came to its end, and are replaced. $path and debs on one file system make it a link, else a copy.
sub store_package {
    my ($package, $path, $debs, $meta) = @_;
    check_package($package);
    $debs =~ s{/+\z}{};
    valid_folder($debs) or give_up("refused", "debs_path \"" . encode_value($debs) . "\" is not an absolute path");
    -f $path && !-l $path or give_up("infrastructure", "$path: not a regular file");
    forget_syncs();
    put_folder($debs);
    chmod 0644, $path;
    sync_path($path);
    my $target = "$debs/$package->{file}";
    my $linked = link($path, $target);
    if (!$linked && !$!{EEXIST}) {
        my $beside = "$debs/.$package->{file}.$$";
        unlink $beside;
        copy_file($path, $beside);
        $linked = link($beside, $target);
        my $problem = $linked || $!{EEXIST} ? "" : "$!";
        unlink $beside;
        give_up("infrastructure", "$target: cannot be made: $problem") if $problem ne "";
    }
    if (!$linked && defined $meta && $meta ne "" && !-e "$meta/packages/$package->{name}/version/$package->{version}/file") {
        my $beside = "$debs/.$package->{file}.$$";
        unlink $beside;
        copy_file($path, $beside);
        rename($beside, $target) or give_up("infrastructure", "$target: cannot be replaced: $!");
        $linked = 1;
    }
    if (!$linked) {
        my ($was, $is) = (sha256_of($target), sha256_of($path));
        give_up("refused", "$target exists with SHA-256 $was; the new file has $is. A package file is never changed: "
            . "give the package another version") if $was ne $is;
    }
    sync_folder_later($debs);
    sync_now();
    return $linked ? 1 : 0;
}

sub copy_file {
    my ($from, $to) = @_;
    sysopen(my $in, $from, O_RDONLY) or give_up("infrastructure", "$from: cannot be read: $!");
    sysopen(my $out, $to, O_WRONLY | O_CREAT | O_EXCL, 0644) or give_up("infrastructure", "$to: cannot be made: $!");
    while (1) {
        my $count = sysread($in, my $block, 1 << 20);
        next if !defined $count && $!{EINTR};
        defined $count or give_up("infrastructure", "$from: cannot be read: $!");
        last if $count == 0;
        write_all($out, $block) or give_up("infrastructure", "$to: cannot be written: $!");
    }
    $out->sync or give_up("infrastructure", "$to: cannot be synced: $!");
    close $out;
}

sub sha256_of {
    my ($path) = @_;
    open(my $output, "-|", "sha256sum", "--", $path) or give_up("infrastructure", "sha256sum cannot be started: $!");
    my $line = <$output>;
    close $output;
    defined $line && $line =~ /\A\\?([0-9a-f]{64}) / or give_up("infrastructure", "$path: sha256sum gave no sum");
    return $1;
}
