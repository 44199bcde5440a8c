# Stacks on a build host, second part: the lock, what a killed writer left, foreign changes, and the plain view.

our @ANSWER_PIPES;    # write ends that settlers wait for: closed when the answer is sent
our $LOCK_SECONDS = 60;

# Takes the stack's lock and brings what was left behind in order; the view is looked at anew. Settlers of earlier changes
# step aside for whoever waits.
sub lock_stack {
    my ($s, $words) = @_;
    (my $folder = $s->{lock_path}) =~ s{/[^/]+\z}{};
    put_folder($folder);
    my $clean = $words;
    $clean =~ s/[^\x20-\x7e]/?/g;
    my $lock = take_lock($s->{lock_path}, 0, "$clean (process $$)");
    if (!$lock) {
        sysopen(my $wait, "$s->{lock_path}\@wait", O_RDWR | O_CREAT, 0644);
        flock($wait, LOCK_SH | LOCK_NB) if $wait;
        for (my $try = 0; !$lock && $try < 100; ++$try) {
            select(undef, undef, undef, 0.002);
            $lock = take_lock($s->{lock_path}, 0, "$clean (process $$)");
        }
        $lock ||= take_lock($s->{lock_path}, $LOCK_SECONDS, "$clean (process $$)");
    }
    if (!$lock) {
        my $holder = read_whole($s->{lock_path});
        $holder = "somebody" unless defined $holder && $holder =~ s/\A([^\n]{1,300}).*/$1/s;
        give_up("infrastructure", "stack $s->{title} is being changed by $holder for more than $LOCK_SECONDS s; try again later");
    }
    $s->{lock} = $lock;
    $s->{yield} = undef;
    look($s);
    put_in_order($s);
    return $s;
}

sub unlock_stack { my ($s) = @_; close(delete $s->{lock}) if $s->{lock} }

# A settler stops at once when somebody waits for the lock.
sub step_aside {
    my ($s) = @_;
    sysopen(my $wait, "$s->{lock_path}\@wait", O_RDWR | O_CREAT, 0644) or return;
    flock($wait, LOCK_EX | LOCK_NB) or die { class => "aside", reason => "" };
}

sub throw_away {
    my ($s, $path) = @_;
    lstat $path or return;
    our $THROWN;
    ++$THROWN;
    move($path, "$s->{spare}/trash-" . time . "-$$-$THROWN");
}

# Under the lock: completes the journal, sweeps what is numbered above the view, sorts the spare folder.
sub put_in_order {
    my ($s) = @_;
    my $last = journal_end($s);
    if ($s->{generation} > $last) {    # committed, then killed before the journal
        my $head = head_of($s, $s->{generation});
        journal($s, "$head->{journal}\n");
        $last = $s->{generation};
    }
    $s->{last} = $last;
    for (my $n = $last + 1; lstat "$s->{gens}/$n" or -e "$s->{gens}/$n.packages" or -e "$s->{gens}/$n.manifest"; ++$n) {
        put_folder($s->{spare});
        unlink "$s->{folder}/$s->{stack}\@$n", "$s->{gens}/$n.manifest", "$s->{gens}/$n.packages";
        -l "$s->{gens}/$n" ? unlink "$s->{gens}/$n" : throw_away($s, "$s->{gens}/$n");
    }
    return unless -d $s->{spare};
    for my $name (names_in($s->{spare})) {
        throw_away($s, "$s->{spare}/$name") if $name =~ /\A(?:ref-.*|next|new)\z/;
    }
    sort_displaced($s);
    if (-l "$s->{spare}/link") {
        unlink "$s->{spare}/link";
    } elsif (-d _) {    # killed between the exchange and this rename
        move("$s->{spare}/link", "$s->{spare}/displaced");
        sort_displaced($s);
    }
    unlink "$s->{spare}/plain" if -l "$s->{spare}/plain";
    if (-d "$s->{spare}/plain") {
        my ($n, $boot, $mark) = generation_note($s, "$s->{spare}/plain");
        if (!defined $n || $boot ne $BOOT || $n > $s->{generation} || !-e "$s->{gens}/$n.packages") {
            throw_away($s, "$s->{spare}/plain");
        } elsif ($mark ne "spare") {    # was the view a moment ago and is not checked yet
            throw_away($s, "$s->{spare}/displaced");
            move("$s->{spare}/plain", "$s->{spare}/displaced");
            sort_displaced($s);
        }
    }
}

# A plain folder that was the view until now: foreign changes that came between our check and the exchange are kept as a
# generation of their own; then it is the spare for the next change.
sub sort_displaced {
    my ($s) = @_;
    my $old = "$s->{spare}/displaced";
    -d $old or return;
    my ($n) = generation_note($s, $old);
    if (defined $n && -e "$s->{gens}/$n.packages" && $s->{generation}) {
        my $before = lines_of($s, $n);
        my $edits = foreign_edits($old, $before, 1);
        my %now = %{ current_lines($s) };
        my %taken;
        for my $name (keys %$edits) {
            my ($was, $is) = ($before->{$name}, $now{$name});
            next unless (defined $was ? $was : "") eq (defined $is ? $is : "");    # a later change of ours stands
            next if defined $edits->{$name} && !(bearable_package($name) && bearable_version($edits->{$name}));
            $taken{$name} = $edits->{$name};
        }
        if (%taken) {
            adopt($s, \%taken, "a change made by another program while generation $s->{generation} was made");
        }
        if (%$edits) {
            throw_away($s, $old);
        } else {
            throw_away($s, "$s->{spare}/plain");
            replace_note($s, $old, $n, "spare");
            move($old, "$s->{spare}/plain");
        }
    } else {
        throw_away($s, $old);
    }
}

sub replace_note {
    my ($s, $folder, $n, $mark) = @_;
    put_file_over("$folder/.generation", generation_text($s, $n, $mark));
}

# What a plain folder holds other than these lines: {package => version or undef when it is gone}. Without $all, only files
# that changed since the folder's note was written (or in that second) are read. A package that is a link (the original's copy
# of a stack whose view was a link) counts as an edit whatever it says: nothing may ever be written through it.
sub foreign_edits {
    my ($folder, $lines, $all) = @_;
    my %edits;
    my $since = 0;
    if (!$all) {
        my @note = stat "$folder/.generation";
        $since = $note[9] - 1 if @note;
    }
    my %seen;
    my @names = names_in("$folder/packages");
    # Most file systems count subfolders as links of the folder: then one call tells that no package is a link.
    my $all_folders = ((stat "$folder/packages")[3] || 0) == @names + 2;
    for my $name (@names) {
        my $path = "$folder/packages/$name/version";
        $seen{$name} = 1;
        my $line = $lines->{$name};
        # Through a link ".." leads elsewhere: one call tells a changed file and a link.
        my @status = stat($all_folders ? $path : "$folder/packages/$name/../$name/version");
        next if defined $line && @status && $status[10] < $since;
        my $text = read_whole($path);
        if (!defined $text) {
            $edits{$name} = undef if defined $line;
            next;
        }
        $text =~ s/\n\z//;
        $edits{$name} = $text unless defined $line && @status && version_of($line) eq $text;
    }
    for my $name (keys %$lines) { $edits{$name} = undef unless $seen{$name} }
    return \%edits;
}

# Takes foreign content over as a generation; the plain view itself already holds it when $in_view.
sub adopt {
    my ($s, $edits, $reason, $in_view) = @_;
    my %lines = %{ current_lines($s) };
    my (@left_out, %rejected);
    for my $name (sort keys %$edits) {
        my $version = $edits->{$name};
        if (!defined $version) {
            delete $lines{$name};
        } elsif (!bearable_package($name) || !bearable_version($version)) {
            push @left_out, encode_value($name);
            delete $lines{$name};
        } else {
            my $file = read_whole("$s->{meta}/packages/$name/version/$version/file");
            $file = "" unless defined $file;
            $file =~ s/\n\z//;
            $file = "" unless valid_deb_file($file);
            $lines{$name} = line_of({ version => $version, file => $file, since => "$s->{stack}\@" . ($s->{last} + 1) });
            put_reference($s, $name, $version, "");
        }
    }
    $reason .= "; left out, for their version file holds no usable version: @left_out" if @left_out;
    $in_view = 0 if @left_out || grep { -l "$s->{view}/packages/$_" } keys %$edits;
    make_generation($s, \%lines, { operation => "adopt", by => "another program", reason => $reason }, $in_view ? "note" : "");
}

# Whatever others did to the plain view is taken over before we change it.
sub adopt_foreign {
    my ($s) = @_;
    if ($s->{form} eq "foreign") {
        my $all = foreign_edits($s->{view}, {}, 1);
        $s->{lines} = {};
        adopt($s, $all, $s->{last} ? "the folder was made anew by another program" : "taken over from the original's tree", 1);
    } elsif ($s->{form} eq "plain") {
        my $edits = foreign_edits($s->{view}, current_lines($s), 0);
        adopt($s, $edits, "foreign change adopted", 1) if %$edits;
    }
}

# --- the plain folder --------------------------------------------------------------------------------------------------

# Brings a plain folder from one state to another; without its note meanwhile, so that nobody trusts it half done.
sub bring_plain {
    my ($s, $folder, $from, $to, $n, $between) = @_;
    unlink "$folder/.generation";
    my $count = 0;
    for my $name (keys %$to) {
        my $line = $to->{$name};
        my $version = version_of($line);
        next if defined $from->{$name} && ($from->{$name} eq $line || version_of($from->{$name}) eq $version);
        $between->() if $between && ++$count % 32 == 0;
        my $home = "$folder/packages/$name";
        unlink $home if -l $home;
        unless (-d $home) {
            mkdir $home, 0755 or give_up("infrastructure", "$home: cannot be made: $!");
            sync_folder_later("$folder/packages");
        }
        unlink "$home/.version.new";
        sysopen(my $handle, "$home/.version.new", O_WRONLY | O_CREAT | O_EXCL, 0644)
            or give_up("infrastructure", "$home/version: cannot be made: $!");
        write_all($handle, "$version\n") or give_up("infrastructure", "$home/version: cannot be written: $!");
        close $handle;
        move("$home/.version.new", "$home/version");
        sync_later(\@SYNC_FILES, "$home/version");
        sync_folder_later($home);
    }
    for my $name (keys %$from) {
        next if defined $to->{$name};
        remove_tree("$folder/packages/$name");
        sync_folder_later("$folder/packages");
    }
    put_file("$folder/.generation", generation_text($s, $n));
    sync_folder_later($folder);
}

# A plain folder from nothing.
sub build_plain {
    my ($s, $folder, $lines, $n, $between) = @_;
    mkdir $folder, 0755 or give_up("infrastructure", "$folder: cannot be made: $!");
    mkdir "$folder/packages", 0755 or give_up("infrastructure", "$folder/packages: cannot be made: $!");
    sync_folder_later("$folder/packages");
    bring_plain($s, $folder, {}, $lines, $n, $between);
}

# Makes the view's new plain folder in the spare place; false when there is nothing to start from.
sub spare_ready {
    my ($s, $lines, $limit) = @_;
    my $plain = "$s->{spare}/plain";
    my ($n) = generation_note($s, $plain);
    defined $n or return;
    my $from = lines_of($s, $n);
    my $count = grep { !defined $from->{$_} || $from->{$_} ne $lines->{$_} } keys %$lines;
    $count += grep { !defined $lines->{$_} } keys %$from;
    return $count <= $limit ? $from : undef;
}

# --- settling: after the answer ----------------------------------------------------------------------------------------

# Hands the lock to a child that settles the stack once the answer is out. Ends our hold of it.
sub settle_later {
    my ($s) = @_;
    forget_syncs();
    my $lock = delete $s->{lock} or return;
    pipe(my $wait, my $go) or return;
    my $child = fork;
    return unless defined $child;
    if ($child) {
        waitpid $child, 0;
        close $wait;
        close $lock;
        push @ANSWER_PIPES, $go;
        return;
    }
    POSIX::_exit(0) if fork;
    eval {
        POSIX::setsid();
        $SIG{$_} = "DEFAULT" for qw(ALRM TERM INT HUP PIPE CHLD);
        alarm 300;
        chdir "/";
        our $EVENT_SINK = sub { };
        my %keep = map { fileno($_) => 1 } $lock, $wait;
        if (opendir(my $open, "/proc/self/fd")) {
            my @numbers = grep { /\A[0-9]+\z/ && !$keep{$_} } readdir $open;
            closedir $open;
            POSIX::close($_) for @numbers;
        }
        open(STDIN, "<", "/dev/null");
        open(STDOUT, ">", "/dev/null");
        open(STDERR, ">", "/dev/null");
        my $bits = "";
        vec($bits, fileno $wait, 1) = 1;
        select($bits, undef, undef, 5);
        close $wait;
        $s->{lock} = $lock;
        settle($s, sub { step_aside($s) });
    };
    POSIX::_exit(0);
}
sub answer_sent { @ANSWER_PIPES = () }

# The view, a link, becomes the plain folder of the same content. False where the file system cannot exchange names.
sub make_plain {
    my ($s, $between) = @_;
    my ($plain, $lines, $n) = ("$s->{spare}/plain", current_lines($s), $s->{generation});
    my ($old) = generation_note($s, $plain);
    if (defined $old) {
        bring_plain($s, $plain, lines_of($s, $old), $lines, $n, $between);
    } else {
        throw_away($s, $plain);
        build_plain($s, $plain, $lines, $n, $between);
    }
    sync_now($between);
    exchange($plain, $s->{view}) or return 0;
    unlink $plain;
    sync_path($s->{folder});
    $s->{form} = "plain";
    return 1;
}

# Under the lock: the view becomes plain, the next change finds everything made in advance. $between may die at any point.
sub settle {
    my ($s, $between) = @_;
    look($s);
    $s->{generation} or return;
    put_folder($s->{spare});
    for my $round (1 .. 4) {    # more than one only when foreign changes came in between
        sort_displaced($s) if $s->{form} eq "plain" || !-d "$s->{spare}/plain";
        last if $s->{form} ne "link" || $s->{links};
        make_plain($s, $between) or last;
    }
    my ($n, $plain) = ($s->{generation}, "$s->{spare}/plain");
    # A second plain folder, so that small changes need no link in between; not for stacks where it would cost much room.
    if ($s->{form} eq "plain" && !-d $plain && keys %{ current_lines($s) } <= 5000 && !-d "$s->{spare}/displaced") {
        throw_away($s, "$s->{spare}/new");
        build_plain($s, "$s->{spare}/new", current_lines($s), $n, $between);
        sync_now($between);
        replace_note($s, "$s->{spare}/new", $n, "spare");
        move("$s->{spare}/new", $plain);
    }
    my $next = "$s->{spare}/next-$n-$BOOT";
    if (!-d $next) {
        throw_away($s, "$s->{spare}/$_") for grep { /\Anext/ } names_in($s->{spare});
        mkdir "$s->{spare}/next" or return;
        mkdir "$s->{spare}/next/packages" or return;
        link_entries($s, "$s->{gens}/$n/packages", "$s->{spare}/next/packages", current_lines($s), $between);
        move("$s->{spare}/next", $next);
        sync_path($s->{spare});
    }
    for my $name (grep { /\Atrash-/ } names_in($s->{spare})) {
        for my $below (names_in("$s->{spare}/$name/packages")) {
            remove_tree("$s->{spare}/$name/packages/$below");
            $between->() if $between;
        }
        remove_tree("$s->{spare}/$name");
    }
}
