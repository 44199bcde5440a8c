# The cage of a build: a user, process and mount name space of its own. Inside, everything of gachette but the work area,
# the stacks, the packages and the home folder are read-only, control data of jobs and ssh keys are not there at all, and
# nothing survives the end of its first process. Where the kernel refuses, the build runs as an ordinary process tree
# and the job says so.

my ($NEW_MOUNTS, $NEW_USER, $NEW_PROCESSES) = (0x20000, 0x10000000, 0x20000000);
my ($READ_ONLY, $QUIET, $REMOUNT, $BIND, $RECURSIVE, $PRIVATE) = (1, 0xe, 0x20, 0x1000, 0x4000, 0x40000);

sub mount_at {
    my ($source, $target, $type, $flags, $data) = @_;
    return call("mount", $source, $target, $type, $flags + 0, defined $data ? $data : 0);
}

# Makes what is mounted at a path read-only without touching its other flags.
sub make_read_only {
    my ($path) = @_;
    my ($copy, $set) = ($path, pack("Q4", 1, 0, 0, 0));
    return 1 if syscall($MOUNT_SETATTR, -100, $copy, 0, $set, 32) == 0;
    my $answer = "\0" x 256;
    $CALL->{statfs} && syscall($CALL->{statfs}, $copy, $answer) == 0 or return 0;
    my $flags = (unpack("q*", $answer))[10];
    my $kept = ($flags & 0xc0e) | ($flags & 4096 ? 1 << 21 : 0);
    return mount_at("none", $path, "none", $REMOUNT | $BIND | $READ_ONLY | $kept);
}

# The parts of the cage, in order; undef when all stands, else what failed.
sub build_cage {
    my ($cage) = @_;
    mount_at("none", "/", "none", $RECURSIVE | $PRIVATE) or return "private mounts: $!";
    mount_at($cage->{area}, $cage->{area}, "none", $BIND) or return "$cage->{area}: $!";
    for my $path (grep { -d $_ } @{ $cage->{read_only} }) {
        mount_at($path, $path, "none", $BIND | $RECURSIVE) or return "$path: $!";
        make_read_only($path) or return "$path: read-only: $!";
    }
    for my $path (grep { -d $_ } @{ $cage->{hidden} }) {
        mount_at("tmpfs", $path, "tmpfs", $QUIET | $READ_ONLY, "size=4k,mode=0555") or return "$path: $!";
    }
    mount_at("proc", "/proc", "proc", $QUIET) or return "/proc: $!";
    return undef;
}

# The first process inside: starts the build, waits for every orphan, ends as the build ended. Its end ends all.
sub first_process {
    my ($command, $report) = @_;
    my $problem = build_cage($command->{cage});
    if (defined $problem) {
        syswrite($report, "$problem\n");
        POSIX::_exit(125);
    }
    process_setting($CAPBSET_DROP, 21);    # CAP_SYS_ADMIN: the mounts stay as they are, also for a mapped root
    my $pid = fork();
    POSIX::_exit(125) unless defined $pid;
    if ($pid == 0) {
        close $report;
        setpgrp(0, 0);
        become($command);
    }
    syswrite($report, "ready\n");
    close $report;
    $SIG{TERM} = sub { kill(TERM => -1) };
    $SIG{$_} = "IGNORE" for qw(INT HUP);
    POSIX::close($_) for 0 .. 2;
    while ((my $ended = waitpid(-1, 0)) > 0) {
        next if $ended != $pid;
        my $status = $?;
        POSIX::_exit($status >> 8) unless $status & 127;
        POSIX::_exit(128 + ($status & 127));
    }
    POSIX::_exit(125);
}

# The child's side of a caged start: name spaces, then the first process in them; hands TERM on and ends as that ended.
sub enter_cage {
    my ($command, $report) = @_;
    my ($uid, $gid) = ($>, (split / /, $))[0]);
    unless (call("unshare", $NEW_USER | $NEW_MOUNTS | $NEW_PROCESSES, 0)) {
        syswrite($report, "unshare: $!\n");
        POSIX::_exit(125);
    }
    for my $map ([ setgroups => "deny" ], [ uid_map => "$uid $uid 1" ], [ gid_map => "$gid $gid 1" ]) {
        my $handle;
        next if sysopen($handle, "/proc/self/$map->[0]", O_WRONLY) && syswrite($handle, $map->[1]);
        syswrite($report, "$map->[0]: $!\n");
        POSIX::_exit(125);
    }
    my $pid = fork();
    POSIX::_exit(125) unless defined $pid;
    if ($pid == 0) {
        process_setting($SET_PDEATHSIG, 9);
        first_process($command, $report);
    }
    close $report;
    $SIG{TERM} = sub { kill(TERM => $pid) };
    POSIX::close($_) for 0 .. 2;
    waitpid($pid, 0);
    POSIX::_exit($? & 127 ? 128 + ($? & 127) : $? >> 8);
}

# Starts the build in a cage, or as a plain process tree when none can be had or none is wanted. Returns the child, the
# kind of isolation and, for a tree, why.
sub start_build {
    my ($command, $wanted) = @_;
    my $why = "switched off";
    if ($wanted ne "process-tree" && !$CALL->{unshare}) { $why = "not known for this kind of machine" }
    elsif ($wanted ne "process-tree") {
        pipe(my $read, my $report) or give_up("infrastructure", "no pipe: $!");
        my $child = start_child(undef, 0, sub { close $read; enter_cage($command, $report) });
        close $report;
        my $answer = "";
        while (my $count = sysread($read, $answer, 1024, length $answer)) { last if $answer =~ /\n/ }
        return ($child, "pid-namespace", "") if $answer eq "ready\n";
        chomp($why = $answer);
        $why = "its first process died" if $why eq "";
        finish_child($child, sub { }, undef, seconds => 5);
    }
    return (start_child(undef, 0, sub { become($command) }), "process-tree", $why);
}
