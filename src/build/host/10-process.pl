# Programs started by a job: always an argument vector, never a shell, always under deadlines, and nothing of them left
# afterwards. Nothing here knows of git or packages.

my %CALLS = (
    x86_64 => { prctl => 157, unshare => 272, mount => 165, statfs => 137 },
    (map { $_ => { prctl => 167, unshare => 97, mount => 40, statfs => 43 } } qw(aarch64 riscv64)),
);
my $CALL = $CALLS{ (POSIX::uname())[4] } || {};
my ($PIDFD_OPEN, $MOUNT_SETATTR) = (434, 442);    # the same on every machine
my $TICKS = POSIX::sysconf(POSIX::_SC_CLK_TCK()) || 100;

# Monotonic seconds from an arbitrary start, to a hundredth.
sub now { return (POSIX::times())[0] / $TICKS }

# syscall() by name; false where this machine's number is not known. Text arguments are copied: the call wants them writable.
sub call {
    my ($name, @arguments) = @_;
    my $number = $CALL->{$name} or return 0;
    my @copies = map { my $copy = $_; $copy } @arguments;
    if (@copies == 1) { return syscall($number, $copies[0]) == 0 }
    if (@copies == 2) { return syscall($number, $copies[0], $copies[1]) == 0 }
    return syscall($number, $copies[0], $copies[1], $copies[2], $copies[3], $copies[4]) == 0;
}

my ($SET_PDEATHSIG, $CAPBSET_DROP, $SET_CHILD_SUBREAPER) = (1, 24, 36);
sub process_setting { my ($option, $value) = @_; return call("prctl", $option, $value, 0, 0, 0) }

# --- what the other side and the clock want ---------------------------------------------------------------------------

our %LINK = (control => undef, rest => "", stop => 0, beat => now(), grace => 900);

# Takes in "beat" and "stop" lines from the job's control pipe.
sub read_control {
    my $handle = $LINK{control} or return;
    my $count;
    while ($count = sysread($handle, $LINK{rest}, 4096, length $LINK{rest})) {
        while ($LINK{rest} =~ s/\A([^\n]*)\n//) {
            $LINK{stop} = 1 if $1 eq "stop";
            $LINK{beat} = now();
        }
        $LINK{rest} = "" if length $LINK{rest} > 4096;
    }
    @LINK{qw(control stop)} = (undef, 1) if defined $count && $LINK{ends_with_it};    # the other side is gone
}

# Why the job must end now: "cancelled", "lease", or "" to go on.
sub end_wanted {
    read_control();
    return "cancelled" if $LINK{stop};
    return "lease" if now() - $LINK{beat} > $LINK{grace};
    return "";
}

sub give_up_wanted {
    my ($why) = @_;
    give_up("cancelled", "cancelled") if $why eq "cancelled";
    give_up("lost", sprintf("no word from gachette for %d s; the job ended itself", $LINK{grace})) if $why eq "lease";
}

# Waits a moment, or until the other side says something.
sub pause {
    my ($seconds) = @_;
    my $bits = "";
    vec($bits, fileno($LINK{control}), 1) = 1 if $LINK{control};
    select($bits, undef, undef, $seconds);
    give_up_wanted(end_wanted());
}

# --- the tree of processes --------------------------------------------------------------------------------------------

my %ENDED;    # status by process id, of children that were waited for

sub reap {
    while ((my $pid = waitpid(-1, POSIX::WNOHANG())) > 0) { $ENDED{$pid} = $? }
}

sub process_parents {
    my %parent;
    opendir(my $folder, "/proc") or return ();
    for my $pid (grep { /\A[0-9]+\z/ } readdir $folder) {
        my $text = read_whole("/proc/$pid/stat");
        $parent{$pid} = $1 if defined $text && $text =~ /\A.*\) \S ([0-9]+) /s;
    }
    return %parent;
}

# Every process below $top. The caller is a subreaper, so that daemons of a build are below it, too.
sub descendants {
    my ($top, %spared) = @_;
    my %parent = process_parents();
    my (%children, @found);
    push @{ $children{ $parent{$_} } }, $_ for keys %parent;
    my @queue = ($top);
    while (defined(my $pid = shift @queue)) {
        for my $child (@{ $children{$pid} || [] }) {
            next if $spared{$child};
            push @found, $child;
            push @queue, $child;
        }
    }
    return @found;
}

# Ends everything below this process but the spared ones. Stopped first, so that nothing forks away meanwhile.
sub end_descendants {
    my (%spared) = @_;
    for my $round (1 .. 200) {
        my @left = grep { !exists $ENDED{$_} } descendants($$, %spared);
        last unless @left;
        kill(STOP => @left) if $round < 3;
        kill(KILL => @left);
        reap();
        select(undef, undef, undef, 0.01) if $round > 1;
    }
}

# Ends processes of ours that carry the job's mark in their environment: what a dead supervisor left behind on a host
# without name spaces.
sub sweep_marked {
    my ($mark) = @_;
    for my $round (1 .. 3) {
        opendir(my $folder, "/proc") or return;
        my @found;
        for my $pid (grep { /\A[0-9]+\z/ && $_ != $$ } readdir $folder) {
            my $text = read_whole("/proc/$pid/environ");
            push @found, $pid if defined $text && index("\0$text", "\0GACHETTE_JOB=$mark\0") >= 0;
        }
        return unless @found;
        kill(KILL => @found);
        select(undef, undef, undef, 0.02);
    }
}

# --- starting and waiting ---------------------------------------------------------------------------------------------

sub redirect { my ($handle, $number) = @_; POSIX::dup2(fileno($handle), $number) }

# Becomes the program. Returns only when that failed; says so on stderr, which is the log.
sub become {
    my ($command) = @_;
    unless (chdir($command->{folder} || "/")) {
        syswrite(STDERR, "gachette: $command->{folder}: $!\n");
        POSIX::_exit(126);
    }
    %ENV = %{ $command->{environment} };
    $SIG{$_} = "DEFAULT" for qw(PIPE INT HUP TERM CHLD);
    my @argv = @{ $command->{argv} };
    no warnings "exec";
    exec { $argv[0] } @argv;
    syswrite(STDERR, "gachette: $argv[0]: $!\n");
    POSIX::_exit($!{ENOENT} ? 127 : 126);
}

# Forks; in the child: a process group of its own, stdin from nothing, stdout and stderr into the pipe, dies with us.
# $inside runs there and must not return. Result: {pid, pipe, watch}; "watch" is readable when the process has ended.
sub start_child {
    my ($input, $separate, $inside) = @_;
    pipe(my $read, my $write) or give_up("infrastructure", "no pipe: $!");
    my ($error_read, $error_write);
    if ($separate) { pipe($error_read, $error_write) or give_up("infrastructure", "no pipe: $!") }
    my $from;
    if (defined $input) {
        pipe($from, my $into) or give_up("infrastructure", "no pipe: $!");
        write_all($into, $input);    # small: ids and names, far below what a pipe holds
        close $into;
    } else {
        open($from, "<", "/dev/null") or give_up("infrastructure", "/dev/null: $!");
    }
    my $parent = $$;
    my $pid = fork();
    give_up("infrastructure", "no process: $!") unless defined $pid;
    if ($pid == 0) {
        setpgrp(0, 0);
        process_setting($SET_PDEATHSIG, 9);
        POSIX::_exit(125) if getppid() != $parent;
        redirect($from, 0);
        redirect($write, 1);
        redirect($separate ? $error_write : $write, 2);
        eval { $inside->() };
        POSIX::_exit(125);
    }
    close $_ for grep { defined $_ } $write, $from, $error_write;
    my $number = syscall($PIDFD_OPEN, $pid, 0);
    my $watch;
    open($watch, "<&=", $number) if $number >= 0;
    return { pid => $pid, pipe => $read, errors => $error_read, watch => $watch };
}

# Reads what there is into the sink; false at the end of the stream.
sub take_in {
    my ($handle, $sink) = @_;
    my $count = sysread($handle, my $bytes, 65536);
    return 1 if !defined $count && ($!{EINTR} || $!{EAGAIN});
    return 0 unless $count;
    $sink->($bytes);
    return 1;
}

# Takes what still lies in a pipe whose program has ended, without waiting for a stray holder of the other end.
sub drain {
    my ($handle, $sink) = @_;
    for (1 .. 64) {
        my $bits = "";
        vec($bits, fileno($handle), 1) = 1;
        return unless select($bits, undef, undef, 0) > 0;
        return unless take_in($handle, $sink);
    }
}

# Ends a child: TERM to its group, again each second, KILL after ten; then KILL to the group whatever it says.
sub end_child {
    my ($child, $gently, $sink) = @_;
    my $start = now();
    while ($gently && !exists $ENDED{ $child->{pid} } && now() - $start < 10) {
        kill(TERM => $child->{pid});
        kill(TERM => -$child->{pid});
        my $round = now();
        while (!exists $ENDED{ $child->{pid} } && now() - $round < 1) {
            my $bits = "";
            vec($bits, fileno($child->{pipe}), 1) = 1 if $child->{pipe};
            vec($bits, fileno($child->{watch}), 1) = 1 if $child->{watch};
            select($bits, undef, undef, 0.1);
            if ($child->{pipe} && vec($bits, fileno($child->{pipe}), 1) && !take_in($child->{pipe}, $sink)) {
                $child->{pipe} = undef;
            }
            reap();
        }
    }
    kill(KILL => -$child->{pid});
    kill(KILL => $child->{pid});
    until (exists $ENDED{ $child->{pid} }) {
        reap();
        select(undef, undef, undef, 0.005) unless exists $ENDED{ $child->{pid} };
    }
}

# Waits for a child. %limits: seconds => total, silence => without output. Returns {status, signal, ended}; ended is ""
# when it ended by itself, else "cancelled", "lease", "total" or "silence" and the child has been ended.
sub finish_child {
    my ($child, $sink, $error_sink, %limits) = @_;
    my ($start, $heard, $ended) = (now(), now(), "");
    my %stream;
    $stream{ fileno($child->{pipe}) } = [ $child->{pipe}, $sink ];
    $stream{ fileno($child->{errors}) } = [ $child->{errors}, $error_sink ] if $child->{errors};
    until (exists $ENDED{ $child->{pid} }) {
        my $bits = "";
        vec($bits, $_, 1) = 1 for keys %stream;
        vec($bits, fileno($child->{watch}), 1) = 1 if $child->{watch};
        vec($bits, fileno($LINK{control}), 1) = 1 if $LINK{control};
        my $wait = $child->{watch} ? 1 : 0.02;
        for my $limit (grep { defined $_ } $limits{seconds} && $start + $limits{seconds} - now(),
            $limits{silence} && $heard + $limits{silence} - now()) {
            $wait = $limit if $limit < $wait && $limit > 0;
        }
        select($bits, undef, undef, $wait);
        for my $number (keys %stream) {
            next unless vec($bits, $number, 1);
            $heard = now();
            delete $stream{$number} unless take_in(@{ $stream{$number} });
        }
        reap();
        last if exists $ENDED{ $child->{pid} };
        $ended = end_wanted();
        $ended ||= "total" if $limits{seconds} && now() - $start >= $limits{seconds};
        $ended ||= "silence" if $limits{silence} && now() - $heard >= $limits{silence};
        if ($ended) {
            end_child($child, 1, $sink);
            last;
        }
    }
    my $status = delete $ENDED{ $child->{pid} };
    kill(KILL => -$child->{pid});    # whatever else of its group there is
    drain(@$_) for values %stream;
    return { status => $status >> 8, signal => $status & 127, ended => $ended };
}

# Runs a tool whose output we want: {status, signal, ended, output, errors}, output at most 16 MiB, errors at most 64 KiB.
# Cancel and lease end the job; the time limit (seconds, default 60) is the caller's to judge.
sub run_tool {
    my (%command) = @_;
    my ($output, $errors) = ("", "");
    my $child = start_child($command{input}, 1, sub { become(\%command) });
    my $result = finish_child($child,
        sub { $output .= $_[0] if length $output < (1 << 24) },
        sub { $errors .= $_[0] if length $errors < 65536 },
        seconds => $command{seconds} || 60);
    give_up_wanted($result->{ended});
    return { %$result, output => $output, errors => $errors };
}

# "exit 3", "ended by signal 9": how a program ended, for a sentence.
sub how_ended {
    my ($result) = @_;
    return $result->{signal} ? "was ended by signal $result->{signal}" : "ended with exit $result->{status}";
}

# The last line of a tool that says something, fit for a sentence.
sub last_words {
    my ($text) = @_;
    my @lines = grep { /\S/ } split /[\r\n]+/, $text;
    return "no word of why" unless @lines;
    # What git says last of a broken ssh says nothing; the line before it, by ssh, says why.
    my @useful = grep { !/\A(?:fatal: Could not read from remote|Please make sure you have|and the repository exists|Warning: )/ } @lines;
    @lines = @useful if @useful;
    my ($telling) = grep { /\A(?:fatal|error|ERROR|remote):/ } @lines;
    my $line = defined $telling ? $telling : $lines[-1];
    $line =~ s/[\x00-\x1f\x7f]/?/g;
    return substr($line, 0, 300);
}
