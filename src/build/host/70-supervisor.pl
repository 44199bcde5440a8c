# A job lives in a process of its own, detached from the connection that started it: the supervisor. It holds the job's
# lock, takes "beat" and "stop" from the control pipe, writes events, log and result into the job's folder. Connections
# come and go; each has a follower (80-follower.pl) that reads those files.

my $LOG_NOTE = "\ngachette: log limit of %d bytes reached, the rest is dropped\n";

# Returns the sink for the build's output: it ends up in the log file, up to the limit.
sub log_sink {
    my ($handle, $announce) = @_;
    my ($left, $limit) = (limit_of("log_bytes", 67108864)) x 2;
    return sub {
        my ($bytes) = @_;
        return if $left < 0;
        my $over = length $bytes > $left;
        $bytes = substr($bytes, 0, $left) if $over;
        write_all($handle, $bytes);
        $left -= length $bytes;
        if ($over) {
            write_all($handle, sprintf($LOG_NOTE, $limit));
            $left = -1;
        }
        $announce->();
    };
}

# Runs the job to its end in this process and leaves its result. Does not return.
sub supervise {
    my ($base, $folder, $wake) = @_;
    process_setting($SET_CHILD_SUBREAPER, 1);
    $SIG{PIPE} = "IGNORE";
    sysopen(my $events, "$folder/events", O_WRONLY | O_APPEND) or POSIX::_exit(1);
    sysopen(my $log_file, "$folder/log", O_WRONLY | O_APPEND) or POSIX::_exit(1);
    sysopen($LINK{control}, "$folder/control", O_RDWR | O_NONBLOCK) or POSIX::_exit(1);
    @LINK{qw(beat grace)} = (now(), limit_of("grace", 900000) / 1000);
    my $announce = sub { syswrite($wake, ".") };
    $EVENT_SINK = sub {
        write_all($events, join(" ", map { encode_value($_) } @_) . "\n");
        $announce->();
    };
    our $ANSWER_LATER = 1;
    my ($job, $reason) = eval { run_job($base, log_sink($log_file, $announce), "$folder/log") };
    my $problem = $@;
    my @end = ("ok", $reason);
    if (ref $problem eq "HASH") { @end = @$problem{qw(class reason)} }
    elsif (!$job) {
        chomp $problem;
        @end = ("infrastructure", $problem eq "" ? "the job's program failed" : $problem);
    }
    eval {
        $events->sync;
        $log_file->sync;
        replace_file("$folder/result", join(" ", map { encode_value($_) } @end) . "\n");
    };
    $announce->();
    close $wake;
    answer_sent() if defined &answer_sent;
    end_child($REPOSITORY{history_child}, 0) if $REPOSITORY{history_child};
    eval { clear_area($job) } if $job && $job->{area};
    eval { remove_old_jobs($base) };
    POSIX::_exit(0);
}

# Makes the job's folder complete under another name, then gives it its own. False when the job exists already.
# The lock is held by whoever holds the handle that comes back.
sub make_job_folder {
    my ($base, $id) = @_;
    my $folder = "$base/jobs/$id";
    make_folder("$base/jobs", 0700);
    return undef if -d $folder;
    my $beside = "$base/jobs/.$id.$$";
    remove_tree($beside);
    mkdir $beside, 0700 or give_up("infrastructure", "$beside: cannot be made: $!");
    my $lock = take_lock("$beside/lock", 1, "job $id") or give_up("infrastructure", "$beside/lock cannot be locked");
    write_new("$beside/$_", "", 0600) for qw(events log);
    POSIX::mkfifo("$beside/control", 0600) or give_up("infrastructure", "$beside/control: $!");
    return $lock if rename($beside, $folder);
    my $why = "$!";
    remove_tree($beside);
    return undef if -d $folder;
    give_up("infrastructure", "$folder: cannot be made: $why");
}

# Starts the supervisor of a new job. Returns the pipe that becomes readable when there is something new.
sub start_supervisor {
    my ($base, $folder, $lock) = @_;
    pipe(my $read, my $wake) or give_up("infrastructure", "no pipe: $!");
    fcntl($wake, F_SETFL, fcntl($wake, F_GETFL, 0) | O_NONBLOCK);
    fcntl($read, F_SETFL, fcntl($read, F_GETFL, 0) | O_NONBLOCK);
    my $pid = fork();
    give_up("infrastructure", "no process: $!") unless defined $pid;
    if ($pid == 0) {
        close $read;
        POSIX::setsid();
        my $second = fork();
        POSIX::_exit(defined $second ? 0 : 1) if !defined $second || $second;
        umask 022;
        chdir "/";
        sysopen(my $nothing, "/dev/null", O_RDWR);
        POSIX::dup2(fileno($nothing), $_) for 0 .. 2;
        eval { supervise($base, $folder, $wake) };
        POSIX::_exit(1);
    }
    waitpid($pid, 0);
    close $wake;
    close $lock;
    return $read;
}

# --- housekeeping -----------------------------------------------------------------------------------------------------

sub entries { my ($path) = @_; opendir(my $folder, $path) or return (); return grep { !/\A\.\.?\z/ } readdir $folder }

# Whether nobody holds the lock in a folder.
sub unlocked {
    my ($path) = @_;
    sysopen(my $handle, $path, O_RDWR) or return 1;
    return flock($handle, LOCK_EX | LOCK_NB);
}

sub older_than { my ($path, $days) = @_; my $time = (lstat $path)[9]; return defined $time && $time < time - $days * 86400 }

# Job folders of more than a week. Returns how many.
sub remove_old_jobs {
    my ($base) = @_;
    my $count = 0;
    for my $name (entries("$base/jobs")) {
        my $folder = "$base/jobs/$name";
        next unless older_than($folder, 7) && unlocked("$folder/lock");
        remove_tree($folder);
        $count++;
    }
    return $count;
}

# Packs what many small fetches left in the stores; objects that nothing named for 14 days go.
sub pack_stores {
    my ($base) = @_;
    for my $path (map { my $kind = $_; map { "$base/$kind/$_" } grep { /\.git\z/ } entries("$base/$kind") } qw(store history)) {
        my $lock = take_lock("$path.lock", 0, "gc") or next;
        git(open_store($path), { seconds => 3600 }, "gc", "--quiet", "--prune=14.days.ago");
    }
}

# Mode gc: old job folders and work trees that no job used for 14 days; then the stores are packed.
sub remove_unused {
    my ($base) = @_;
    my $count = remove_old_jobs($base);
    for my $project (entries("$base/work")) {
        for my $slot (entries("$base/work/$project")) {
            my $folder = "$base/work/$project/$slot";
            next unless older_than("$folder/lock", 14) && unlocked("$folder/lock");
            remove_tree($folder);
            $count++;
        }
        rmdir "$base/work/$project";
    }
    pack_stores($base);
    return $count;
}
