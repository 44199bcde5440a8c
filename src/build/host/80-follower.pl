# One connection's view of a job: events and log from where the other side left off, its "beat" and "stop" handed on. The
# follower may die at any time; the job does not notice.

# Reads new whole lines of the events file.
sub new_events {
    my ($view) = @_;
    my $text = $view->{rest};
    1 while sysread($view->{events}, $text, 65536, length $text);
    my $out = "";
    while ($text =~ s/\A([^\n]*)\n//) {
        $out .= "\@$NONCE $1\n" if ++$view->{seen} > $view->{skip};
    }
    $view->{rest} = $text;
    return $out;
}

# Sends everything that is new; false when the other side is gone.
sub send_new {
    my ($view) = @_;
    my $sent = 0;
    while (1) {
        my $frames = new_events($view);
        my $count = sysread($view->{log}, my $bytes, 65536);
        if ($count) {
            $frames .= "\@$NONCE log $view->{offset} $count\n$bytes";
            $view->{offset} += $count;
        }
        return $sent if $frames eq "";
        write_all(\*STDOUT, $frames) or POSIX::_exit(0);
        $sent = 1;
    }
}

# Hands waiting words to the supervisor. They wait on when it does not listen yet (or no more).
sub tell_supervisor {
    my ($view, $folder) = @_;
    return unless @{ $view->{waiting} } && sysopen(my $control, "$folder/control", O_WRONLY | O_NONBLOCK);
    local $SIG{PIPE} = "IGNORE";
    syswrite($control, join("", map { "$_\n" } splice(@{ $view->{waiting} })));
}

# The end of the job as its result says; undef while there is none.
sub result_of {
    my ($folder) = @_;
    my $text = read_whole("$folder/result");
    return defined $text && $text =~ /\A([a-z]+) ([^\n]*)\n\z/ ? [ $1, decode_value($2) ] : undef;
}

# The supervisor died without a result: that becomes the result.
sub declare_lost {
    my ($folder, $id) = @_;
    sweep_marked($id);
    my $reason = "the job's process on the build host died (killed, out of memory, or the host was started anew)";
    eval { replace_file("$folder/result", "lost " . encode_value($reason) . "\n") };
    return [ "lost", $reason ];
}

# Reads what the other side says; false at the end of its words.
sub hear {
    my ($view) = @_;
    my $count = sysread(STDIN, my $bytes, 4096);
    return 1 if !defined $count && ($!{EINTR} || $!{EAGAIN});
    return 0 unless $count;
    $view->{words} .= $bytes;
    while ($view->{words} =~ s/\A([^\n]*)\n//) {
        push @{ $view->{waiting} }, $1 if $1 eq "stop" || ($1 eq "beat" && !@{ $view->{waiting} });
    }
    $view->{words} = "" if length $view->{words} > 4096;
    return 1;
}

sub follow {
    my ($folder, $id, $wake) = @_;
    my %view = (skip => limit_of("events_from", 0), offset => limit_of("log_from", 0), seen => 0, rest => "", words => "",
        waiting => ["beat"]);
    sysopen($view{events}, "$folder/events", O_RDONLY) or give_up("lost", "$folder/events: $!");
    sysopen($view{log}, "$folder/log", O_RDONLY) or give_up("lost", "$folder/log: $!");
    give_up("refused", "the log of job $id is shorter than what was asked to be left out") if -s $view{log} < $view{offset};
    sysseek($view{log}, $view{offset}, 0);
    my $spoken = now();
    while (1) {
        tell_supervisor(\%view, $folder);
        my $result = result_of($folder);
        if (!$result && !$wake && unlocked("$folder/lock")) { $result = result_of($folder) || declare_lost($folder, $id) }
        $spoken = now() if send_new(\%view);
        return event("end", @$result) if $result;
        if (now() - $spoken >= 10) {
            event("beat");
            $spoken = now();
        }
        my $bits = "";
        vec($bits, 0, 1) = 1;
        vec($bits, fileno($wake), 1) = 1 if $wake;
        select($bits, undef, undef, $wake && !@{ $view{waiting} } ? 5 : 0.05);
        POSIX::_exit(0) if vec($bits, 0, 1) && !hear(\%view);
        next unless $wake && vec($bits, fileno($wake), 1);
        my $count = sysread($wake, my $dots, 65536);
        $wake = undef if defined $count && $count == 0;    # the supervisor has ended, well or badly
    }
}

# The entry of the host program.
sub job_main {
    binmode STDIN;
    binmode STDOUT;
    umask 022;
    $ENV{PATH} = "/usr/local/bin:/usr/bin:/bin" . (defined $ENV{PATH} ? ":$ENV{PATH}" : "");
    my $done = eval {
        my $base = base_folder();
        if (parameter("mode") eq "gc") {
            event("removed", remove_unused($base));
            event("end", "ok", "");
        } elsif (parameter("mode") eq "refs") {
            tell_refs();
            event("end", "ok", "");
        } else {
            my $id = parameter("job");
            give_up("refused", "\"" . encode_value($id) . "\" is not the id of a job")
                unless $id =~ /\A[A-Za-z0-9][A-Za-z0-9-]{0,100}\z/;
            my $folder = "$base/jobs/$id";
            my $lock = make_job_folder($base, $id);
            my $wake = $lock ? start_supervisor($base, $folder, $lock) : undef;
            undef $lock;
            follow($folder, $id, $wake);
        }
        1;
    };
    return if $done;
    my $problem = $@;
    return event("end", @$problem{qw(class reason)}) if ref $problem eq "HASH";
    chomp $problem;
    event("end", "infrastructure", $problem);
}
