# Repositories on a build host. Per repository a bare shallow store; per project and ref a kept work tree with an index
# outside of it; where ancestry or counts are asked for, a history without trees and files.
#
# What a build leaves behind must never speak to us again: git is told GIT_DIR, GIT_WORK_TREE and GIT_INDEX_FILE and reads
# no file that a build can write. The ".git" inside of a work tree is a copy for the build's own use, made anew each time
# and never read. Configuration of a store is written from constants before use; hooks, attributes, system and user
# configuration are switched off.

our %REPOSITORY;    # url, key, store, history: of the job's project

my $STORE_CONFIGURATION = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";
my @BENIGN = qw(badDateOverflow badEmail badName badTimezone badFilemode gitmodulesName missingEmail missingNameBeforeEmail
    missingSpaceBeforeDate missingSpaceBeforeEmail multipleAuthors zeroPaddedFilemode zeroPaddedDate nullSha1);

my @SETTINGS = (
    "core.hooksPath" => "/dev/null", "core.fsmonitor" => "false", "core.attributesFile" => "/dev/null",
    "core.excludesFile" => "/dev/null", "core.autocrlf" => "false", "core.bare" => "false",
    "protocol.version" => "2", "protocol.ext.allow" => "never", "gc.auto" => "0", "maintenance.auto" => "false",
    "advice.detachedHead" => "false", "credential.helper" => "", "submodule.recurse" => "false",
    "fetch.fsckObjects" => "true", (map { ("fetch.fsck.$_" => "ignore") } @BENIGN),
    "safe.directory" => "*",
);

# The environment of git: nothing of the host's configuration but what reaches the server (keys, agent, proxies).
sub git_environment {
    my ($more, @settings) = @_;
    my %environment = (
        PATH => $ENV{PATH} || "/usr/local/bin:/usr/bin:/bin", HOME => $ENV{HOME}, LC_ALL => "C.UTF-8",
        GIT_CONFIG_NOSYSTEM => 1, GIT_CONFIG_SYSTEM => "/dev/null", GIT_CONFIG_GLOBAL => "/dev/null",
        GIT_ATTR_NOSYSTEM => 1, GIT_TERMINAL_PROMPT => 0, GIT_ASKPASS => "true", GIT_NO_REPLACE_OBJECTS => 1,
        GIT_ALLOW_PROTOCOL => "https:http:ssh:git:file", GIT_PROTOCOL_FROM_USER => 0, GIT_OPTIONAL_LOCKS => 0,
        GIT_SSH_VARIANT => "ssh",
        GIT_SSH_COMMAND => "ssh -o BatchMode=yes -o ConnectTimeout=30 -o ServerAliveInterval=15",
        %$more,
    );
    for my $name (qw(USER LOGNAME SSH_AUTH_SOCK http_proxy https_proxy no_proxy all_proxy HTTPS_PROXY NO_PROXY)) {
        $environment{$name} = $ENV{$name} if defined $ENV{$name};
    }
    @settings = (@SETTINGS, @settings);
    my $count = 0;
    while (my ($name, $value) = splice(@settings, 0, 2)) {
        @environment{ "GIT_CONFIG_KEY_$count", "GIT_CONFIG_VALUE_$count" } = ($name, $value);
        $count++;
    }
    $environment{GIT_CONFIG_COUNT} = $count;
    return \%environment;
}

# git in a bare repository of ours. The result of run_tool.
sub git {
    my ($store, @words) = @_;
    my %options = ref $words[0] ? %{ shift @words } : ();
    return run_tool(%options, argv => [ "git", @words ], folder => $store,
        environment => git_environment({ GIT_DIR => $store, %{ $options{variables} || {} } }, @{ $options{settings} || [] }));
}

# Makes a bare repository, or takes everything out of an existing one that could make git run or read something else.
sub open_store {
    my ($path) = @_;
    (my $parent = $path) =~ s{/[^/]+\z}{};
    make_folder($parent, 0700);
    unlink $path if -l $path || (-e _ && !-d _);
    make_folder("$path/$_", 0700) for "objects", "refs";
    for my $name (qw(hooks info config.worktree commondir gitdir modules worktrees objects/info/alternates
        objects/info/http-alternates index)) {
        remove_tree("$path/$name") if lstat "$path/$name";
    }
    for my $name (qw(objects refs)) {
        give_up("infrastructure", "$path/$name is a symbolic link; remove $path, it is made anew") if -l "$path/$name";
    }
    for my $file ([ "config", $STORE_CONFIGURATION ], [ "HEAD", "ref: refs/heads/none\n" ]) {
        my ($name, $text) = ("$path/$file->[0]", $file->[1]);
        my $now = -l $name ? undef : read_whole($name);
        next if defined $now && $now eq $text;
        remove_tree($name) if lstat $name && !-f _;
        replace_file($name, $text);
    }
    return $path;
}

# --- objects ----------------------------------------------------------------------------------------------------------

# The commit an object id means, tags peeled: {commit, time}; undef when it (or what it points at) is not in the store.
sub read_commit {
    my ($store, $id) = @_;
    for (1 .. 5) {
        my $result = git($store, { input => "$id\n" }, "cat-file", "--batch");
        return undef unless $result->{output} =~ s/\A([0-9a-f]+) (commit|tag|tree|blob) [0-9]+\n//;
        my ($name, $type) = ($1, $2);
        if ($type eq "tag" && $result->{output} =~ /\Aobject ([0-9a-f]+)\n/) { $id = $1 }
        elsif ($type eq "commit") {
            my ($head) = split /\n\n/, $result->{output}, 2;
            return { commit => $name, time => $head =~ /^committer [^\n]* ([0-9]{1,12}) [+-][0-9]+$/m ? $1 : 0 };
        } else { give_up("failed", "$id is a $type, not a commit; only commits can be built") }
    }
    give_up("failed", "$id is a tag of a tag of a tag; only commits can be built");
}

sub valid_ref {
    my ($ref) = @_;
    return $ref =~ m{\Arefs/(?:heads|tags)/[^\x00-\x20\x7f~^:?*\[\\]+\z} && length $ref <= 1024
        && $ref !~ m{\.\.|\@\{|//|/\.|\.lock(?:/|\z)|[/.]\z};
}

sub address { return $REPOSITORY{url} }

# What the server says its refs are: {name => id}, "^{}" names included. undef when it cannot be asked; why is left in
# $REPOSITORY{trouble}.
sub remote_refs {
    my ($url, @names) = @_;
    my $result = run_tool(argv => [ "git", "ls-remote", "--quiet", "--end-of-options", $url, @names ],
        environment => git_environment({}), seconds => $REPOSITORY{seconds});
    if ($result->{ended} || $result->{status} || $result->{signal}) {
        $REPOSITORY{trouble} = $result->{ended} ? "no answer in time" : last_words($result->{errors});
        return undef;
    }
    my %refs;
    for my $line (split /\n/, $result->{output}) {
        $refs{$2} = $1 if $line =~ /\A([0-9a-f]{40}|[0-9a-f]{64})\t(.+)\z/s;
    }
    return \%refs;
}

sub out_of_reach {
    my ($url) = @_;
    give_up("infrastructure", "the repository $url cannot be reached from the build host: $REPOSITORY{trouble}; "
        . "check the address and the key of the build host's user");
}

# Fetches into a store under its lock; the result of run_tool.
sub fetch {
    my ($store, $options, @words) = @_;
    my $lock;
    until ($lock = take_lock("$store.lock", 0, "job $$")) { pause(0.02) }
    return git($store, { seconds => $REPOSITORY{seconds}, %$options }, "fetch", "--quiet", "--no-tags",
        "--no-auto-maintenance", "--no-write-fetch-head", "--no-recurse-submodules", @words);
}

# Brings a commit into the shallow store: by its id, else through the ref that should reach it. Says why not and whose
# fault that is.
sub bring_commit {
    my ($store, $url, $id, $ref, $slot) = @_;
    my $into = "refs/gachette/$slot";
    fetch($store, {}, "--depth=1", "--end-of-options", $url, "+$id:$into");
    my $commit = read_commit($store, $id);
    return $commit if $commit;
    my $refs = remote_refs($url, $ref eq "" ? () : ($ref, "$ref^{}")) or out_of_reach($url);
    if ($ref ne "") {
        my $tip = $refs->{$ref};
        give_up("superseded", "$ref is no longer there; $id cannot be had any more") unless defined $tip;
        fetch($store, {}, "--depth=2147483647", "--end-of-options", $url, "+$ref:$into");
        $commit = read_commit($store, $id);
        return $commit if $commit;
        give_up("superseded", "$ref has moved on to $tip; $id cannot be had any more") if $tip ne $id;
    } else {
        fetch($store, {}, "--depth=2147483647", "--end-of-options", $url, "+refs/heads/*:refs/gachette/all/*");
        $commit = read_commit($store, $id);
        return $commit if $commit;
    }
    give_up("failed", "the repository $url does not give out commit $id");
}

# --- history ----------------------------------------------------------------------------------------------------------

# Arguments of the fetch that brings all branches and tags without trees. Where the server does not filter, all comes.
sub history_fetch {
    return ([ "remote.origin.url" => address(), "remote.origin.promisor" => "true",
            "remote.origin.partialclonefilter" => "tree:0", "fetch.fsckObjects" => "false" ],
        "--prune", "--filter=tree:0", "--end-of-options", "origin", "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*");
}

# Starts bringing the history up to date beside the build. Waited for by history().
sub start_history {
    return if $REPOSITORY{history_child} || $REPOSITORY{history_fresh};
    my $store = open_store($REPOSITORY{history});
    my ($settings, @words) = history_fetch();
    my $environment = git_environment({ GIT_DIR => $store }, @$settings);
    $REPOSITORY{history_child} = start_child(undef, 0, sub {
        $^F = 100;    # the lock goes along with git and lasts as long as it
        my $lock = take_lock("$store.lock", 600, "job $$") or POSIX::_exit(1);
        become({ argv => [ "git", "fetch", "--quiet", "--no-tags", "--no-auto-maintenance", "--no-write-fetch-head", @words ],
            folder => $store, environment => $environment });
    });
}

# The history store, up to date. False when the repository cannot be reached.
sub history {
    return 1 if $REPOSITORY{history_fresh};
    start_history();
    my $child = delete $REPOSITORY{history_child};
    my $words = "";
    my $result = finish_child($child, sub { $words .= $_[0] if length $words < 65536 }, undef,
        seconds => $REPOSITORY{seconds});
    give_up_wanted($result->{ended});
    unless ($result->{status} || $result->{signal} || $result->{ended}) { return $REPOSITORY{history_fresh} = 1 }
    $REPOSITORY{trouble} = last_words($words);
    return 0;
}

# Whether the history knows all these commits; asks the server when it does not.
sub history_knows {
    my (@ids) = @_;
    my $missing = sub {
        my $result = git(open_store($REPOSITORY{history}), { input => join("", map { "$_\n" } @ids) },
            "cat-file", "--batch-check=%(objectname) %(objecttype)");
        return grep { $result->{output} !~ /^$_ commit$/m } @ids;
    };
    return 1 unless $missing->();
    history();
    my @left = $missing->() or return 1;
    my ($settings) = history_fetch();
    fetch($REPOSITORY{history}, { settings => $settings }, "--filter=tree:0", "--end-of-options", "origin",
        map { "+$_:refs/gachette/$_" } @left);
    return !$missing->();
}

# Whether the first commit is an ancestor of the second (or the same). undef: cannot be said.
sub is_ancestor {
    my ($old, $new) = @_;
    my $result = git($REPOSITORY{history}, "merge-base", "--is-ancestor", "--end-of-options", $old, $new);
    return $result->{signal} || $result->{status} > 1 ? undef : $result->{status} == 0;
}

sub ancestry {
    my ($old, $new) = @_;
    return "same" if $old eq $new;
    return "unknown" unless valid_object($old) && history_knows($old, $new);
    my $forward = is_ancestor($old, $new);
    return "unknown" unless defined $forward;
    return "forward" if $forward;
    return is_ancestor($new, $old) ? "backward" : "diverged";
}

# Whether the repository says that the ref is at the commit or contains it: 1, 0, or undef when it cannot be asked.
sub confirmed {
    my ($ref, $commit) = @_;
    my $refs = remote_refs(address(), $ref, "$ref^{}") or return undef;
    my $tip = $refs->{"$ref^{}"} || $refs->{$ref} or return 0;
    return 1 if $tip eq $commit;
    return undef unless history_knows($commit, $tip);
    my $contains = is_ancestor($commit, $tip);
    return defined $contains ? ($contains ? 1 : 0) : undef;
}

# First-parent commits up to this one.
sub count_commits {
    my ($commit) = @_;
    history_knows($commit) or out_of_reach(address());
    my $result = git($REPOSITORY{history}, "rev-list", "--first-parent", "--count", "--end-of-options", $commit);
    return $1 if $result->{output} =~ /\A([0-9]{1,12})\n\z/ && !$result->{status};
    give_up("infrastructure", "the commits up to $commit cannot be counted: " . last_words($result->{errors}));
}

# --- what to build ----------------------------------------------------------------------------------------------------

# An abbreviated commit id, completed by the history.
sub complete_id {
    my ($text) = @_;
    history() or out_of_reach(address());
    my $result = git($REPOSITORY{history}, "rev-parse", "--verify", "--quiet", "--end-of-options", "$text^{commit}");
    return $result->{output} =~ /\A([0-9a-f]{40,64})\n/ && valid_object($1) ? $1 : undef;
}

# What a person typed (contracts.md 1): origin/<branch>, tag, origin/<abbreviated commit>, commit, HEAD, full ref.
# Returns the commit's id and the full ref it was found under ("" for commits).
sub resolve_revision {
    my ($text) = @_;
    give_up("refused", "no ref was given; name a branch as origin/main, a tag or a commit") if $text eq "";
    give_up("refused", "\"$text\" cannot be a ref") if $text =~ /[\x00-\x20\x7f~^:?*\[\\]/ || length $text > 1000;
    return ($text, "") if valid_object($text);
    (my $rest = $text) =~ s{\Aorigin/}{};
    my @names = $text =~ m{\Arefs/} ? ($text) : $rest ne $text ? ("refs/heads/$rest", "refs/tags/$rest")
        : ("refs/tags/$rest", "refs/heads/$rest");
    my $refs = remote_refs(address(), $text eq "HEAD" ? "HEAD" : map { ($_, "$_^{}") } @names)
        or out_of_reach(address());
    for my $name ($text eq "HEAD" ? ("HEAD") : @names) {
        my $id = $refs->{"$name^{}"} || $refs->{$name} or next;
        return ($id, $name eq "HEAD" ? "" : $name);
    }
    if ($rest =~ /\A[0-9a-fA-F]{4,64}\z/) {
        my $id = complete_id(lc $rest);
        return ($id, "") if defined $id;
    }
    give_up("failed", "the repository " . address() . " has no branch, tag or commit \"$text\"; "
        . "write a branch as origin/main");
}

# --- work trees -------------------------------------------------------------------------------------------------------

sub tree_git {
    my ($tree, @words) = @_;
    return run_tool(argv => [ "git", @words ], folder => $tree->{folder}, seconds => $REPOSITORY{seconds},
        environment => git_environment({ GIT_DIR => $tree->{store}, GIT_WORK_TREE => $tree->{folder},
            GIT_INDEX_FILE => $tree->{index} }));
}

# Makes the folder hold exactly the commit: what differs is written, everything else goes.
sub check_out {
    my ($tree, $commit) = @_;
    for my $fresh (0, 1) {
        remove_tree($tree->{folder}) if $fresh || -l $tree->{folder} || (-e _ && !-d _);
        unlink $tree->{index} if $fresh || !-d $tree->{folder};
        unlink "$tree->{index}.lock";
        make_folder($tree->{folder}, 0755);
        chmod 0755, $tree->{folder};
        remove_tree("$tree->{folder}/.git");
        my $result = tree_git($tree, "read-tree", "--reset", "-u", $commit);
        my $cleaned = $result->{status} || $result->{signal} || $result->{ended} ? $result
            : tree_git($tree, "clean", "-ffdxq");
        return unless $cleaned->{status} || $cleaned->{signal} || $cleaned->{ended};
        next unless $fresh;
        my $why = $cleaned->{ended} ? "took longer than $REPOSITORY{seconds} s" : last_words($cleaned->{errors});
        give_up("infrastructure", "$commit cannot be checked out: $why");
    }
}

# A repository for the build's own use inside of its tree: the commit as HEAD, objects borrowed from the store.
sub give_repository {
    my ($tree, $commit) = @_;
    my $path = "$tree->{folder}/.git";
    mkdir $path, 0755 or give_up("infrastructure", "$path: $!");
    mkdir "$path/$_", 0755 for qw(objects objects/info refs refs/heads refs/tags);
    my %files = (HEAD => "$commit\n", "objects/info/alternates" => "$tree->{store}/objects\n",
        config => "[core]\n\trepositoryformatversion = 0\n\tbare = false\n");
    my $shallow = read_whole("$tree->{store}/shallow");
    $files{shallow} = $shallow if defined $shallow;
    $files{index} = read_whole($tree->{index});
    for my $name (sort keys %files) {
        sysopen(my $handle, "$path/$name", O_WRONLY | O_CREAT | O_EXCL, 0644)
            or give_up("infrastructure", "$path/$name: $!");
        write_all($handle, $files{$name});
    }
}
