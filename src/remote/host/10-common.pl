# The ground of every program that runs on a build host. It is sent over stdin and evaluated by the bootstrap
# (host_command in shell.h), needs nothing but perl-base, and never hands an outside value to a shell.
#
# In:  "gachette 1 NONCE PROGRAM_BYTES PARAMETER_BYTES\n", the program, then the parameters: lines "name value", the value
#      percent-encoded (%0a, lower-case hex). A name may come more than once. Afterwards lines "beat" (we are still there)
#      and "stop" (end the job).
# Out: frames on stdout, each a line "@NONCE word argument argument ...", arguments percent-encoded:
#      "@NONCE log OFFSET BYTES" is followed by that many raw bytes of the job's log;
#      "@NONCE beat" says that we are still there;
#      "@NONCE end CLASS REASON" is the last one. Lines without the nonce (a talkative .bashrc) are noise.
use strict;
use warnings;
use Fcntl qw(:DEFAULT :flock :mode);
use IO::Handle;
use POSIX ();

our ($NONCE, $SIZE);
our %PARAMETERS;
our $EVENT_SINK;    # set by the job: events go to its file instead of the channel

sub decode_value { my ($text) = @_; $text =~ s/%([0-9a-f]{2})/chr(hex($1))/ge; return $text }

sub encode_value {
    my ($text) = @_;
    $text = "" unless defined $text;
    $text =~ s/([^A-Za-z0-9_.\/:=+,~-])/sprintf("%%%02x", ord($1))/ge;
    return $text;
}

sub read_parameters {
    my ($left, $text) = ($SIZE, "");
    while ($left > 0) {
        my $count = sysread(STDIN, $text, $left, length $text);
        die "the parameters were cut off\n" unless $count;
        $left -= $count;
    }
    for my $line (split /\n/, $text) {
        my ($name, $value) = split / /, $line, 2;
        push @{ $PARAMETERS{$name} }, decode_value(defined $value ? $value : "");
    }
}

# The last value of a parameter; the default, or "" without one, when it did not come.
sub parameter {
    my ($name, $default) = @_;
    return $PARAMETERS{$name}[-1] if $PARAMETERS{$name};
    return defined $default ? $default : "";
}
sub parameters { my ($name) = @_; return @{ $PARAMETERS{$name} || [] } }

sub write_all {
    my ($handle, $bytes) = @_;
    my $written = 0;
    while ($written < length $bytes) {
        my $count = syswrite($handle, $bytes, length($bytes) - $written, $written);
        next if !defined $count && $!{EINTR};
        return 0 unless defined $count;
        $written += $count;
    }
    return 1;
}

sub event {
    my ($word, @arguments) = @_;
    return $EVENT_SINK->($word, @arguments) if $EVENT_SINK;
    write_all(\*STDOUT, join(" ", "\@$NONCE", $word, map { encode_value($_) } @arguments) . "\n");
}

# Ends what is going on with a class the other side knows: failed, refused, superseded, cancelled, infrastructure.
sub give_up { my ($class, $reason) = @_; die { class => $class, reason => $reason } }

# Runs the code and tells how it ended by the one "end" event.
sub run_and_tell {
    my ($code) = @_;
    my @result = eval { $code->() };
    if (my $problem = $@) {
        return event("end", $problem->{class}, $problem->{reason}) if ref $problem eq "HASH";
        chomp $problem;
        return event("end", "infrastructure", $problem);
    }
    event("end", "ok", @result ? $result[0] : "");
}

# --- files -------------------------------------------------------------------------------------------------------------

# Syncs a file or a folder to the disk.
sub sync_path {
    my ($path) = @_;
    sysopen(my $handle, $path, O_RDONLY) or give_up("infrastructure", "$path: cannot be opened to sync it: $!");
    $handle->sync or give_up("infrastructure", "$path: cannot be synced: $!");
    close $handle;
}

# Makes a folder and its parents; new ones are synced into their parents. Refuses a symbolic link in its place.
sub make_folder {
    my ($path, $mode) = @_;
    return if -d $path;
    (my $parent = $path) =~ s{/+[^/]+/*\z}{};
    make_folder($parent, $mode) if $parent ne "" && $parent ne $path;
    mkdir($path, defined $mode ? $mode : 0755) or -d $path or give_up("infrastructure", "$path: cannot be made: $!");
    sync_path($parent) if $parent ne "";
}

sub read_whole {
    my ($path) = @_;
    sysopen(my $handle, $path, O_RDONLY) or return undef;
    my $text = "";
    while (1) {
        my $count = sysread($handle, $text, 1 << 20, length $text);
        next if !defined $count && $!{EINTR};
        return undef unless defined $count;
        return $text if $count == 0;
    }
}

# Writes a new file completely and syncs it; it must not exist.
sub write_new {
    my ($path, $text, $mode) = @_;
    sysopen(my $handle, $path, O_WRONLY | O_CREAT | O_EXCL, defined $mode ? $mode : 0644)
        or give_up("infrastructure", "$path: cannot be made: $!");
    write_all($handle, $text) or give_up("infrastructure", "$path: cannot be written: $!");
    $handle->sync or give_up("infrastructure", "$path: cannot be synced: $!");
    close($handle) or give_up("infrastructure", "$path: cannot be closed: $!");
}

# Replaces a file by rename: readers see the old or the new one. The folder is synced.
sub replace_file {
    my ($path, $text) = @_;
    my $beside = "$path.new.$$";
    unlink $beside;
    write_new($beside, $text);
    rename($beside, $path) or give_up("infrastructure", "$path: cannot be replaced: $!");
    (my $parent = $path) =~ s{/[^/]+\z}{};
    sync_path($parent);
}

# Removes a tree without following links, also below folders without write permission.
sub remove_tree {
    my ($path) = @_;
    my @status = lstat $path or return;
    if (-d _) {
        chmod 0700, $path;
        opendir(my $folder, $path) or return;
        my @names = grep { $_ ne "." && $_ ne ".." } readdir $folder;
        closedir $folder;
        remove_tree("$path/$_") for @names;
        rmdir $path;
    } else {
        unlink $path;
    }
}

# Swaps two names in one step (renameat2 with RENAME_EXCHANGE). False when the kernel or the file system cannot.
sub exchange {
    my ($one, $other) = @_;
    my %number = (x86_64 => 316, aarch64 => 276, riscv64 => 276, i686 => 353, armv7l => 382, ppc64le => 357, s390x => 347);
    my $call = $number{ (POSIX::uname())[4] } or return 0;
    return syscall($call, -100, $one . "", -100, $other . "", 2) == 0;
}

# Takes an exclusive (or shared) flock on a file, waiting at most $seconds. The holder's words are left in the file for
# whoever has to wait. Returns the handle: the lock lasts as long as it. undef when somebody else holds it too long.
sub take_lock {
    my ($path, $seconds, $words, $shared) = @_;
    sysopen(my $handle, $path, O_RDWR | O_CREAT, 0644) or give_up("infrastructure", "$path: cannot be opened: $!");
    my $kind = ($shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
    my $waited = 0;
    until (flock($handle, $kind)) {
        return undef if $waited >= $seconds;
        select(undef, undef, undef, 0.02);
        $waited += 0.02;
    }
    unless ($shared) {
        truncate($handle, 0);
        sysseek($handle, 0, 0);
        syswrite($handle, "$words\n");
    }
    return $handle;
}

# --- names: checked again here, whatever the other side checked --------------------------------------------------------

sub valid_name { my ($name) = @_; return $name =~ /\A[A-Za-z0-9][A-Za-z0-9._+-]{0,127}\z/ }
sub valid_package { my ($name) = @_; return $name =~ /\A[a-z0-9][a-z0-9+.-]{1,127}\z/ }
sub valid_version { my ($name) = @_; return $name =~ /\A(?:[0-9]{1,9}:)?[0-9][A-Za-z0-9.+~-]{0,199}\z/ && $name !~ /-\z/ }
sub valid_deb_file { my ($name) = @_; return length($name) <= 200 && $name =~ /\A[A-Za-z0-9][A-Za-z0-9._+~-]*\.deb\z/ }
sub valid_object { my ($name) = @_; return $name =~ /\A(?:[0-9a-f]{40}|[0-9a-f]{64})\z/ }
sub valid_folder { my ($name) = @_; return $name =~ m{\A/[^\0-\x1f\x7f]*\z} && $name !~ m{(?:\A|/)\.\.?(?:/|\z)} }

read_parameters();
