# The steps of a job, run by its supervisor. Parameters (all checked here, whatever the other side checked):
#
#   mode            job | prepare | build | gc
#   job             "<instance>-<job>-<attempt>": the job's folder below BASE/jobs; the same id again attaches
#   base            folder of gachette on this host; "" is .gachette in the home folder
#   log_from, events_from     what the other side has of the log (bytes) and of the events (count)
#   grace, prepare, total, silence      limits in milliseconds (grace: without word from the other side)
#   log_bytes, packages, package_bytes, free_bytes     further limits
#   isolation       auto | process-tree
#   project         name; kind branch|tag, ref, short_ref; commit or revision
#   url, repository, slot     what to fetch; the folder names of store and work tree (made from digests by the other side)
#   submodules      1 to fetch them
#   path ...        patterns: build only if one of these changed
#   builder         automatic | trebuchet | debian | command; command ..., trebuchet ..., missile, web_callback
#   environment ... NAME=value for the build
#   template, version_base    of the version
#   debs, meta      folders of packages and stacks
#   arrival, delivery, number, by      provenance
#   target ...      "domain stack from create forced rule", fields percent-encoded between blanks
#   reuse ...       "name version architecture file sha256 size": packages of the same build
#   name            of a working copy (modes prepare and build); app_version, env_version, service_version
#
# Events: phase STEP; commit ID TIME COUNT REF; version V; isolation KIND WHY; package NAME VERSION ARCH FILE SHA256 SIZE;
# target INDEX OUTCOME GENERATION REASON; warn SENTENCE; end CLASS REASON.
#
# Below BASE:  store/ history/ (repositories), work/<project>/<slot>/{lock,index,area/{tree,out,home,tmp}},
#              working_copy/<name>/ (the same), jobs/<id>/{lock,control,events,log,result}

sub base_folder {
    my $base = parameter("base");
    my $home = defined $ENV{HOME} && valid_folder($ENV{HOME}) ? $ENV{HOME} : (getpwuid($>))[7];
    $ENV{HOME} = $home;
    $base = "$home/.gachette" if $base eq "";
    $base =~ s{\A~(?=/)}{$home};
    $base =~ s{/+\z}{};
    give_up("refused", "base_path \"$base\" is not an absolute path") unless valid_folder($base) && $base ne "";
    make_folder($base, 0700) unless -d $base;
    lstat $base;
    give_up("refused", "$base is a symbolic link; set base_path to the folder itself") if -l _;
    my ($mode, $owner) = (lstat _)[2, 4];
    give_up("refused", "$base belongs to another user (number $owner); set base_path to a folder of the build host's user")
        if $owner != $>;
    chmod(0700, $base) if $mode & 022;
    return $base;
}

# Free bytes where the path lies, as we may use them; undef where that cannot be asked.
sub free_bytes {
    my ($path) = @_;
    my $answer = "\0" x 256;
    return undef unless $CALL->{statfs} && syscall($CALL->{statfs}, my $copy = $path, $answer) == 0;
    my @fields = unpack("q8", $answer);
    return $fields[4] * $fields[1];
}

sub check_space {
    my ($base) = @_;
    my ($free, $wanted) = (free_bytes($base), parameter("free_bytes", 0));
    give_up("infrastructure", sprintf("only %d MiB are free below %s; %d MiB are wanted", $free >> 20, $base, $wanted >> 20))
        if defined $free && $free < $wanted;
}

sub limit_of { my ($name, $default) = @_; my $value = parameter($name); return $value =~ /\A[0-9]{1,15}\z/ ? $value : $default }

# The job as a hash from its parameters; gives up on anything that is not as it should be.
sub job_from_parameters {
    my ($base) = @_;
    my %job = (base => $base, id => parameter("job"), kind => parameter("kind", "branch"), ref => parameter("ref"));
    for my $name (qw(project short_ref commit revision slot url repository name)) { $job{$name} = parameter($name) }
    my @checks = (
        [ project => $job{project}, $job{project} eq "" || valid_name($job{project}) ],
        [ name => $job{name}, $job{name} eq "" || valid_name($job{name}) ],
        [ kind => $job{kind}, $job{kind} =~ /\A(?:branch|tag)\z/ ],
        [ ref => $job{ref}, $job{ref} eq "" || valid_ref($job{ref}) ],
        [ commit => $job{commit}, $job{commit} eq "" || valid_object($job{commit}) ],
        [ slot => $job{slot}, $job{slot} =~ /\A(?:[A-Za-z0-9-]{1,80})?\z/ ],
        [ repository => $job{repository}, $job{repository} =~ /\A(?:[A-Za-z0-9][A-Za-z0-9._+-]{0,150})?\z/ ],
        [ url => $job{url}, $job{url} !~ /[\x00-\x20\x7f]|::/ && $job{url} !~ /\A-/ && length $job{url} <= 2000 ],
        (map { [ $_ => parameter($_), valid_folder(parameter($_)) ] } grep { parameter($_) ne "" } qw(debs meta)),
    );
    for my $check (@checks) {
        my ($name, $value, $good) = @$check;
        give_up("refused", "the build host does not take $name \"" . encode_value($value) . "\"") unless $good;
    }
    %REPOSITORY = (url => $job{url}, seconds => limit_of("prepare", 600000) / 1000,
        store => "$base/store/$job{repository}.git", history => "$base/history/$job{repository}.git");
    return \%job;
}

# Takes the lock of a work area; an older job that still dies there is waited for.
sub take_area {
    my ($job, $folder) = @_;
    make_folder($folder, 0700);
    my $until = now() + limit_of("prepare", 600000) / 1000;
    until ($job->{lock} = take_lock("$folder/lock", 0, "job $job->{id}")) {
        give_up("infrastructure", "the work tree is held by another job for too long; cancel that one first")
            if now() > $until;
        pause(0.02);
    }
    $job->{area} = "$folder/area";
    $job->{tree} = "$job->{area}/tree";
    $job->{index} = "$folder/index";
    remove_tree($job->{area}) if -l $job->{area};
    make_folder($job->{area}, 0755);
    chmod 0755, $job->{area};
    clear_area($job);
}

# --- prepare ----------------------------------------------------------------------------------------------------------

sub prepare {
    my ($job) = @_;
    give_up("refused", "the project has no url to fetch from") if $job->{url} eq "";
    my $store = open_store($REPOSITORY{store});
    my $id = $job->{commit};
    if ($id eq "") {
        my $text = $job->{revision} ne "" ? $job->{revision} : $job->{ref};
        my $found;
        ($id, $found) = resolve_revision($text);
        $job->{ref} = $found if $job->{ref} eq "";
    }
    my $commit = read_commit($store, $id);
    $job->{fetched} = !$commit;
    $commit ||= bring_commit($store, $job->{url}, $id, $job->{ref}, $job->{slot});
    @$job{qw(commit time)} = @$commit{qw(commit time)};
    my $tree = { store => $store, folder => $job->{tree}, index => $job->{index} };
    check_out($tree, $job->{commit});
    check_out_submodules($job->{base}, $tree, $job->{commit}, $job->{slot}, parameter("submodules") eq "1");
    give_repository($tree, $job->{commit});
    my $counted = parameter("template") =~ /\{count\}/ ? count_commits($job->{commit}) : 0;
    event("commit", $job->{commit}, $job->{time}, $counted, $job->{ref});
    return $counted;
}

sub set_version {
    my ($job, $count) = @_;
    $job->{version} = expand_version(parameter("template"), { base => parameter("version_base"),
        commit => $job->{commit}, project => $job->{project}, kind => $job->{kind}, short_ref => $job->{short_ref},
        commit_time => $job->{time}, count => $count });
    event("version", $job->{version});
}

# --- stacks -----------------------------------------------------------------------------------------------------------

# Compiles the stacks' part of the program; the first call does, which is made while the build runs.
sub load_stacks {
    our $STACKS_TEXT;
    return unless defined $STACKS_TEXT;
    my $text = $STACKS_TEXT;
    undef $STACKS_TEXT;
    eval "$text\n1" or die $@;
}

sub targets {
    my @targets;
    for my $text (parameters("target")) {
        my %target;
        @target{qw(domain stack from create forced rule)} = map { decode_value($_) } split / /, $text, -1;
        push @targets, \%target;
    }
    return @targets;
}

# Stacks that are missing and will not be made are said before anything is built.
sub check_targets {
    my (@targets) = @_;
    my $meta = parameter("meta");
    my @missing = grep { $_->{from} eq "" && !$_->{create} && !-d "$meta/domain/$_->{domain}/stacks/$_->{stack}" } @targets;
    return if !@targets || @missing < @targets;
    my $first = $missing[0];
    give_up("refused", "stack $first->{domain}/$first->{stack} does not exist; make it with stack-create, "
        . "or give its rule \"from\" or \"create\"");
}

# The commit that a stack holds of this project and ref; "" when none.
sub held_commit {
    my ($job, $target) = @_;
    load_stacks();
    my $stack = look(stack_of(parameter("meta"), $target->{domain}, $target->{stack}));
    return "" unless $stack->{generation};
    my ($lines, $held) = (current_lines($stack));
    for my $name (sort keys %$lines) {
        my $package = package_of($name, $lines->{$name});
        next unless $package->{project} eq $job->{project} && $package->{ref} eq $job->{ref} && $package->{commit} ne "";
        $held = $package if !$held || ($package->{arrival} || 0) > ($held->{arrival} || 0);
    }
    return $held ? $held->{commit} : "";
}

# Whether no path that matters changed for any target. Where that cannot be said, something changed.
sub nothing_changed {
    my ($job, @targets) = @_;
    my @patterns = parameters("path") or return 0;
    my %old = map { (held_commit($job, $_) => 1) } @targets;
    return 0 if !@targets || exists $old{""};
    for my $old (grep { $_ ne $job->{commit} } keys %old) {
        fetch($REPOSITORY{store}, {}, "--depth=1", "--end-of-options", $job->{url}, "+$old:refs/gachette/$job->{slot}-held")
            unless read_commit($REPOSITORY{store}, $old);
        my $result = git($REPOSITORY{store}, "diff-tree", "-r", "-z", "--name-only", "--no-renames", "--end-of-options",
            $old, $job->{commit});
        return 0 if $result->{status} || $result->{signal};
        return 0 if grep { patterns_match(\@patterns, $_) } split /\0/, $result->{output};
    }
    return 1;
}

sub add_to_stacks {
    my ($job, $packages, @targets) = @_;
    my $index = 0;
    for my $target (@targets) {
        my $answer = apply_change({
            %$target, meta => parameter("meta"), debs => parameter("debs"), packages => $packages,
            project => $job->{project}, ref => $job->{ref}, commit => $job->{commit},
            arrival => limit_of("arrival", 0), delivery => parameter("delivery"), job => parameter("number"),
            by => parameter("by"), reason => "", expect_generation => "",
            ancestry => \&ancestry, confirmed => sub { return confirmed($job->{ref}, $job->{commit}) },
        });
        event("target", $index++, @$answer{qw(outcome generation reason)});
    }
}

sub tell_packages { event("package", @$_{qw(name version architecture file sha256 size)}) for @_ }

# The packages of the same build, if all of them still lie in debs as they were; else nothing.
sub reused_packages {
    my @packages;
    for my $text (parameters("reuse")) {
        my %package;
        @package{qw(name version architecture file sha256 size)} = map { decode_value($_) } split / /, $text, -1;
        my $path = parameter("debs") . "/$package{file}";
        return () unless valid_deb_file($package{file}) && -f $path && !-l $path && -s _ == $package{size};
        push @packages, \%package;
    }
    return () unless @packages;
    my @sums = digests(parameter("debs"), map { $_->{file} } @packages);
    for my $package (@packages) { return () if shift(@sums) ne $package->{sha256} }
    return @packages;
}

# --- the modes --------------------------------------------------------------------------------------------------------

sub whole_job {
    my ($job, $log) = @_;
    my @targets = targets();
    check_targets(@targets);
    my @packages = $job->{commit} ne "" ? reused_packages() : ();
    if (@packages) {
        $job->{version} = $packages[0]{version};
        event("commit", $job->{commit}, 0, 0, $job->{ref});
        event("version", $job->{version});
    } else {
        event("warn", "the packages of the same build are no longer there; they are built again") if parameters("reuse");
        event("phase", "prepare");
        take_area($job, "$job->{base}/work/$job->{project}/$job->{slot}");
        my $count = prepare($job);
        set_version($job, $count);
        if (nothing_changed($job, @targets)) {
            my $reason = "no path of " . join(", ", parameters("path")) . " changed";
            event("target", $_, "unchanged", 0, $reason) for 0 .. $#targets;
            return $reason;
        }
        start_history() if $job->{fetched} && grep { -d parameter("meta") . "/domain/$_->{domain}/stacks/$_->{stack}" } @targets;
        event("phase", "build");
        build($job, $log);
        @packages = collect($job);
    }
    event("phase", "stack") if @targets;
    load_stacks();
    unless (parameter("debs") eq "") {
        for my $package (@packages) { store_package($package, "$job->{output}/$package->{file}", parameter("debs"), parameter("meta")) if $job->{output} }
    }
    tell_packages(@packages);
    add_to_stacks($job, \@packages, @targets);
    return "";
}

sub prepare_copy {
    my ($job) = @_;
    my $folder = "$job->{base}/working_copy/$job->{name}";
    event("phase", "prepare");
    take_area($job, $folder);
    unlink "$folder/prepared";
    prepare($job);
    replace_file("$folder/prepared", join("", map { "$_ " . encode_value($job->{$_}) . "\n" } qw(url commit time ref)));
    return $job->{tree};
}

sub build_copy {
    my ($job, $log) = @_;
    my $folder = "$job->{base}/working_copy/$job->{name}";
    my $text = -d $folder ? read_whole("$folder/prepared") : undef;
    give_up("refused", "working copy $job->{name} is not prepared (never, or its last prepare failed); run prepare:$job->{name},<url>,<ref> first")
        unless defined $text;
    my %prepared = map { my ($name, $value) = split / /, $_, 2; ($name => decode_value($value)) } split /\n/, $text;
    @$job{qw(commit time ref)} = @prepared{qw(commit time ref)};
    take_area($job, $folder);
    event("commit", @$job{qw(commit time)}, 0, $job->{ref});
    my %versions = map { ($_ => parameter("${_}_version")) } qw(app env service);
    for my $version (grep { $_ ne "" } values %versions) {
        my $problem = version_problem($version);
        give_up("refused", "version \"" . encode_value($version) . "\": $problem") if $problem ne "";
    }
    $job->{versions} = \%versions;
    ($job->{version}) = ((grep { $_ ne "" } @versions{qw(app env service)}), "");
    event("version", $job->{version});
    event("phase", "build");
    build($job, $log);
    my @packages = collect($job);
    load_stacks();
    store_package($_, "$job->{output}/$_->{file}", parameter("debs"), parameter("meta")) for @packages;
    tell_packages(@packages);
    return "";
}

sub run_job {
    my ($base, $log, $log_path) = @_;
    my $job = job_from_parameters($base);
    $job->{log_path} = $log_path;
    check_space($base);
    my $mode = parameter("mode");
    return ($job, whole_job($job, $log)) if $mode eq "job";
    return ($job, prepare_copy($job)) if $mode eq "prepare";
    return ($job, build_copy($job, $log)) if $mode eq "build";
    give_up("refused", "there is no mode \"" . encode_value($mode) . "\"");
}
