# Stacks on a build host, first part: names, the tree, and what is written how.
#
#   META/domain/<d>/stacks/<s>                     the view, what the original's readers read: packages/<p>/version, real folders
#                                                  and regular files, plus the dot file .generation that names its generation;
#                                                  right after a clone or a large change, until it is settled, a relative
#                                                  symbolic link to the generation's tree with the same content
#   META/domain/<d>/stacks/<s>@<n>                 relative link to generation n: the name that never changes
#   META/domain/<d>/stacks/<alias>                 relative link to a stack's name, set by the operator ("latest")
#   META/packages/<p>/version/<v>/{file,version}   the reference, written once; "version" lets a generation link to it
#   META/.generations/<d>/<s>/<n>/packages/<p>     link to ../../../../../packages/<p>/version/<v>: as many levels below META as
#                                                  in a plain stack, so that "cp -R" of it stays valid; a hard link of the
#                                                  previous generation's link where possible (no inode for what did not change);
#                                                  a clone's <n> is itself a link to the generation it was made from
#   META/.generations/<d>/<s>/<n>.packages         the packages, one line each, sorted by name, fields percent-encoded between tabs
#   META/.generations/<d>/<s>/<n>.manifest         who, why and when: lines "key<TAB>value"
#   META/.gachette/lock/<d>/<s>                    flock of every writer; the holder's words inside
#   META/.gachette/journal/<d>/<s>.jsonl           one JSON line for every change, for ever
#   META/.gachette/state/<d>/<s>                   frozen: by whom, when, why
#   META/.gachette/spare/<d>/<s>/                  things of the lock holder: the plain folder that is exchanged next, the next
#                                                  generation's links made in advance, what is to be deleted
#
# A change: references, the new generation and (for a small one) the spare plain folder are completed and synced, then ONE
# rename or exchange of the view's name commits, then journal and parents are synced, then the answer is given. Whatever has
# a number above the view's is a left-over of a killed writer and swept by the next one. What only saves time (the spare
# folder, links made in advance) is made by a child after the answer; it carries the machine's boot id, because after a
# power cut nothing about it can be trusted. Where the file system cannot exchange names, the view stays a link.
# The rule of the original is kept: a build adds and overwrites; packages that it no longer makes stay until removed.

our $BOOT = read_whole("/proc/sys/kernel/random/boot_id");
$BOOT = defined $BOOT && $BOOT =~ /\A([0-9a-f-]{36})/ ? $1 : "unknown";
our @FIELDS = qw(name version architecture file sha256 size project ref commit arrival since);

# --- batches of syncs --------------------------------------------------------------------------------------------------

our (@SYNC_FILES, @SYNC_FOLDERS, %SYNC_KNOWN);
sub sync_later { my ($list, $path) = @_; push @$list, $path unless $SYNC_KNOWN{$path}++ }
sub sync_folder_later { sync_later(\@SYNC_FOLDERS, $_[0]) }

# Syncs what is due: the writing of all files is started before the first is waited for, folders come last. Files go first
# so that no name becomes durable before its content. $between is called now and then and may die to stop.
sub sync_now {
    my ($between) = @_;
    my %number = (x86_64 => 277, aarch64 => 84, riscv64 => 84);
    my $call = @SYNC_FILES > 1 ? $number{ (POSIX::uname())[4] } : undef;
    if ($call) {
        for my $path (@SYNC_FILES) {
            sysopen(my $handle, $path, O_RDONLY) or give_up("infrastructure", "$path: cannot be opened to sync it: $!");
            syscall($call, fileno $handle, 0, 0, 2);
        }
    }
    my $count = 0;
    for my $path (@SYNC_FILES, @SYNC_FOLDERS) {
        sync_path($path);
        $between->() if $between && ++$count % 32 == 0;
    }
    forget_syncs();
}
sub forget_syncs { @SYNC_FILES = @SYNC_FOLDERS = (); %SYNC_KNOWN = () }

# A new file, complete but not synced yet.
sub put_file {
    my ($path, $text) = @_;
    sysopen(my $handle, $path, O_WRONLY | O_CREAT | O_EXCL, 0644) or give_up("infrastructure", "$path: cannot be made: $!");
    write_all($handle, $text) or give_up("infrastructure", "$path: cannot be written: $!");
    close($handle) or give_up("infrastructure", "$path: cannot be closed: $!");
    sync_later(\@SYNC_FILES, $path);
}

# A file that may exist: replaced by rename, not synced yet.
sub put_file_over {
    my ($path, $text) = @_;
    (my $beside = $path) =~ s{([^/]+)\z}{.$1.gachette-new};
    unlink $beside;
    sysopen(my $handle, $beside, O_WRONLY | O_CREAT | O_EXCL, 0644)
        or give_up("infrastructure", "$beside: cannot be made: $!");
    write_all($handle, $text) or give_up("infrastructure", "$beside: cannot be written: $!");
    close($handle) or give_up("infrastructure", "$beside: cannot be closed: $!");
    # The data must be on the disk before the name: an empty file under the old name is the classic damage.
    sync_path($beside);
    rename($beside, $path) or give_up("infrastructure", "$path: cannot be replaced: $!");
}

# A folder and its parents; every new name is synced with the batch.
sub put_folder {
    my ($path) = @_;
    return if -d $path;
    (my $parent = $path) =~ s{/[^/]+\z}{};
    put_folder($parent) if $parent ne "";
    mkdir($path, 0755) or -d $path or give_up("infrastructure", "$path: cannot be made: $!");
    sync_folder_later($path);
    sync_folder_later($parent eq "" ? "/" : $parent);
}

sub put_link {
    my ($target, $path) = @_;
    symlink($target, $path) or give_up("infrastructure", "$path: the link cannot be made: $!");
}

sub move {
    my ($from, $to) = @_;
    rename($from, $to) or give_up("infrastructure", "$from: cannot be renamed to $to: $!");
}

sub names_in {
    my ($path) = @_;
    opendir(my $folder, $path) or return ();
    return grep { !/\A\./ } readdir $folder;
}

sub iso_time {
    my @time = gmtime(defined $_[0] ? $_[0] : time);
    return sprintf("%04d-%02d-%02dT%02d:%02d:%02dZ", $time[5] + 1900, $time[4] + 1, @time[3, 2, 1, 0]);
}

# --- one stack ---------------------------------------------------------------------------------------------------------

# What the original's tree may hold; wider than what we let in, but nothing that leaves its folder.
sub bearable_package { return $_[0] =~ /\A[A-Za-z0-9][A-Za-z0-9._+-]{0,127}\z/ }
sub bearable_version { return $_[0] =~ /\A[A-Za-z0-9][A-Za-z0-9._+~:-]{0,199}\z/ }

# The paths of a stack, from checked names.
sub stack_of {
    my ($meta, $domain, $stack) = @_;
    $meta =~ s{/+\z}{};
    valid_folder($meta) or give_up("refused", "meta_path \"" . encode_value($meta) . "\" is not an absolute path");
    valid_name($domain) or give_up("refused", "domain \"" . encode_value($domain) . "\" is not a usable name");
    valid_name($stack) or give_up("refused", "stack \"" . encode_value($stack) . "\" is not a usable name");
    return { meta => $meta, domain => $domain, stack => $stack, title => "$domain/$stack",
        folder => "$meta/domain/$domain/stacks", view => "$meta/domain/$domain/stacks/$stack",
        gens => "$meta/.generations/$domain/$stack", spare => "$meta/.gachette/spare/$domain/$stack",
        journal => "$meta/.gachette/journal/$domain/$stack.jsonl", state => "$meta/.gachette/state/$domain/$stack",
        lock_path => "$meta/.gachette/lock/$domain/$stack" };
}

# What .generation in a plain folder says: (number, boot id, mark), or nothing when it is not of this stack.
sub generation_note {
    my ($s, $folder) = @_;
    my $text = read_whole("$folder/.generation");
    return unless defined $text && $text =~ /\Agachette ([^ ]+) ([^ ]+) ([0-9]{1,12}) ([^ ]+)(?: (spare))?\n\z/;
    return unless $1 eq $s->{domain} && $2 eq $s->{stack};
    return ($3, $4, defined $5 ? $5 : "");
}
sub generation_text { my ($s, $n, $mark) = @_; return "gachette $s->{domain} $s->{stack} $n $BOOT" . ($mark ? " $mark" : "") . "\n" }

# Looks at the view: form "missing", "alias" (with target), "link" or "plain" (with generation), or "foreign": made or
# touched by others so far that it has no generation of ours.
sub look {
    my ($s) = @_;
    delete @$s{qw(lines generation target settled)};
    if (defined(my $target = readlink $s->{view})) {
        if ($target =~ m{\A\.\./\.\./\.\./\.generations/\Q$s->{domain}\E/\Q$s->{stack}\E/([0-9]{1,12})\z}) {
            @$s{qw(form generation)} = ("link", $1);
        } else {
            @$s{qw(form generation target)} = ("alias", 0, $target);
        }
    } elsif (-d $s->{view}) {
        my ($n) = generation_note($s, $s->{view});
        @$s{qw(form generation)} = defined $n && -e "$s->{gens}/$n.manifest" ? ("plain", $n) : ("foreign", 0);
    } else {
        lstat $s->{view} and give_up("refused", "stack $s->{title}: $s->{view} is not a folder; move it away");
        @$s{qw(form generation)} = ("missing", 0);
    }
    return $s;
}

# The lines of a generation by package name.
sub lines_of {
    my ($s, $n) = @_;
    my $text = read_whole("$s->{gens}/$n.packages");
    defined $text or give_up("infrastructure", "stack $s->{title}: generation $n cannot be read ($s->{gens}/$n.packages: $!)");
    my %lines;
    $lines{$1} = $2 while $text =~ /^([^\t\n]+)\t([^\n]*)$/mg;
    return \%lines;
}
sub current_lines { my ($s) = @_; return $s->{lines} ||= $s->{generation} ? lines_of($s, $s->{generation}) : {} }

sub line_of { my ($package) = @_; return join("\t", map { encode_value($package->{$_}) } @FIELDS[1 .. $#FIELDS]) }
sub package_of {
    my ($name, $line) = @_;
    my %package = (name => $name);
    @package{ @FIELDS[1 .. $#FIELDS] } = map { decode_value($_) } split /\t/, $line, -1;
    return \%package;
}
sub version_of { my ($line) = @_; return decode_value(substr($line, 0, index($line, "\t"))) }

sub head_of {
    my ($s, $n) = @_;
    my $text = read_whole("$s->{gens}/$n.manifest");
    defined $text or give_up("refused", "stack $s->{title} has no generation $n");
    my %head = map { my ($key, $value) = split /\t/, $_, 2; ($key, decode_value($value)) } grep { /\t/ } split /\n/, $text;
    return \%head;
}

# --- the journal -------------------------------------------------------------------------------------------------------

# Bytes that are not UTF-8 become U+FFFD: whatever a person typed, the journal stays valid JSON.
sub json_text {
    my ($text) = @_;
    $text = "" unless defined $text;
    if ($text =~ /[^\x20-\x7e]/) {
        my $clean = "";
        while ($text =~ /\G(?:((?:[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]
            |\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}){1,1000})|.)/gsx) {
            $clean .= defined $1 ? $1 : "\xef\xbf\xbd";
        }
        $text = $clean;
    }
    $text =~ s/(["\\])/\\$1/g;
    $text =~ s/([\x00-\x1f\x7f])/sprintf("\\u%04x", ord($1))/ge;
    return "\"$text\"";
}

# The fixed order of a journal line. Numbers stay numbers.
sub journal_line {
    my ($fields, $changes) = @_;
    my @parts;
    for my $key (qw(generation at operation by parent project ref commit arrival delivery job rule reason)) {
        my $value = defined $fields->{$key} ? $fields->{$key} : "";
        next if $value eq "" && $key ne "by";
        push @parts, json_text($key) . ":" . ($key =~ /\A(?:generation|arrival)\z/ ? $value =~ /\A([0-9]{1,18})\z/ ? $1 + 0 : 0 : json_text($value));
    }
    my @list = map { '{"package":' . json_text($_->[0]) . ',"from":' . json_text($_->[1]) . ',"to":' . json_text($_->[2]) . '}' } @$changes;
    return "{" . join(",", @parts, '"changes":[' . join(",", @list) . "]") . "}\n";
}

# Appends a line; synced with the batch. Under the lock.
sub journal {
    my ($s, $line) = @_;
    (my $folder = $s->{journal}) =~ s{/[^/]+\z}{};
    put_folder($folder);
    my $new = !-e $s->{journal};
    sysopen(my $handle, $s->{journal}, O_WRONLY | O_CREAT | O_APPEND, 0644)
        or give_up("infrastructure", "$s->{journal}: cannot be opened: $!");
    write_all($handle, $line) or give_up("infrastructure", "$s->{journal}: cannot be written: $!");
    close $handle;
    sync_later(\@SYNC_FILES, $s->{journal});
    sync_folder_later($folder) if $new;
}

# The generation the journal ends with, 0 without one. A torn last line is cut off; under the lock only.
sub journal_end {
    my ($s) = @_;
    sysopen(my $handle, $s->{journal}, O_RDWR) or return 0;
    my $size = -s $handle or return 0;
    for (my $reach = 4096; ; $reach *= 16) {
        my $from = $size > $reach ? $size - $reach : 0;
        sysseek($handle, $from, 0);
        my $tail = "";
        1 while sysread($handle, $tail, $size - $from - length $tail, length $tail);
        my $end = rindex($tail, "\n");
        next if $end < 0 && $from > 0;
        truncate($handle, $from + $end + 1) if $end + 1 < length $tail;
        return 0 if $end < 0;
        my $start = rindex(substr($tail, 0, $end), "\n");
        next if $start < 0 && $from > 0;
        return substr($tail, $start + 1) =~ /\A\{"generation":([0-9]+)/ ? $1 : 0;
    }
}
