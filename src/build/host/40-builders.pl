# The builders: which program makes the packages, where, and what it is told. Each is one row of %BUILDERS: a function of
# the job that returns {argv, folder, output} and may prepare files.

sub build_environment {
    my ($job) = @_;
    my %environment = (
        PATH => "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        HOME => "$job->{area}/home", TMPDIR => "$job->{area}/tmp", LANG => "C.UTF-8", LC_ALL => "C.UTF-8", TZ => "UTC",
        USER => "build", LOGNAME => "build", SHELL => "/bin/sh", CI => "true", SOURCE_DATE_EPOCH => $job->{time},
        map { /\A([A-Za-z_][A-Za-z0-9_]*)=(.*)\z/s ? ($1 => $2) : () } parameters("environment"),
    );
    my %facts = (JOB => $job->{id}, VERSION => $job->{version}, COMMIT => $job->{commit}, REF => $job->{ref},
        OUTPUT => $job->{output}, PROJECT => $job->{project});
    $facts{ $job->{kind} eq "tag" ? "TAG" : "BRANCH" } = $job->{short_ref};
    $environment{"GACHETTE_$_"} = $facts{$_} for keys %facts;
    return \%environment;
}

sub missile_of {
    my ($job) = @_;
    my $missile = parameter("missile", ".missile.yml");
    give_up("refused", "path_to_missile \"$missile\" is no path inside of the repository")
        if $missile eq "" || $missile =~ m{\A[/-]|[\x00-\x1f\x7f]|(?:\A|/)\.\.(?:/|\z)};
    return "$job->{tree}/$missile";
}

sub trebuchet_builder {
    my ($job) = @_;
    my $missile = missile_of($job);
    give_up("failed", "the commit has no " . parameter("missile", ".missile.yml") . "; set path_to_missile or another builder")
        unless -f $missile;
    $job->{missile} = 1;
    my @argv = (parameters("trebuchet"), "build", $missile, "--arch", "amd64", "--output", $job->{output});
    for my $kind (qw(app env service)) {
        my $version = $job->{versions} ? $job->{versions}{$kind} : $job->{version};
        push @argv, "--$kind-version", $version if $version ne "";
    }
    my $callback = parameter("web_callback");
    push @argv, "--web-callback", $callback if $callback ne "";
    return { argv => \@argv };
}

# dpkg-buildpackage writes into the parent of the tree, which is the job's own area. The version goes in as a new first
# entry of the changelog; that is a change of the kept work tree which the next checkout takes back.
sub debian_builder {
    my ($job) = @_;
    my $changelog = "$job->{tree}/debian/changelog";
    for my $name ("", "/debian") {
        give_up("failed", "debian is not a folder of the commit but a link") if -l "$job->{tree}$name";
    }
    my $text = -f $changelog && !-l $changelog ? read_whole($changelog) : undef;
    give_up("failed", "the commit has no debian/changelog that names the source package")
        unless defined $text && $text =~ /\A\s*([a-z0-9][a-z0-9+.-]+) \(/;
    my @time = gmtime($job->{time});
    my $date = sprintf("%s, %02d %s %d %02d:%02d:%02d +0000", (qw(Sun Mon Tue Wed Thu Fri Sat))[ $time[6] ], $time[3],
        (qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec))[ $time[4] ], $time[5] + 1900, @time[2, 1, 0]);
    my $entry = "$1 ($job->{version}) UNRELEASED; urgency=medium\n\n  * Built by gachette from commit $job->{commit}.\n\n"
        . " -- gachette <gachette\@localhost>  $date\n\n";
    unlink $changelog;
    write_new($changelog, $entry . $text, 0644) if $job->{version} ne "";
    $job->{output} = $job->{area};
    return { argv => [ "dpkg-buildpackage", "-us", "-uc", "-b" ] };
}

sub command_builder {
    my ($job) = @_;
    my @argv = parameters("command");
    give_up("refused", "builder \"command\" without a command; set projects.$job->{project}.command") unless @argv;
    return { argv => \@argv };
}

sub automatic_builder {
    my ($job) = @_;
    return trebuchet_builder($job) if -f missile_of($job);
    return debian_builder($job) if -f "$job->{tree}/debian/control";
    give_up("failed", "the commit has neither " . parameter("missile", ".missile.yml")
        . " nor debian/control; set projects.$job->{project}.builder and command");
}

my %BUILDERS = (trebuchet => \&trebuchet_builder, debian => \&debian_builder, command => \&command_builder,
    automatic => \&automatic_builder);

# Empties the job's area but for the tree: what earlier builds left beside it goes.
sub clear_area {
    my ($job) = @_;
    opendir(my $folder, $job->{area}) or give_up("infrastructure", "$job->{area}: $!");
    remove_tree("$job->{area}/$_") for grep { !/\A(?:\.\.?|tree)\z/ } readdir $folder;
}

# What a build may not write although it runs as our user, and what it may not even see.
sub cage_of {
    my ($job) = @_;
    my $home = $ENV{HOME};
    my @read_only = grep { valid_folder($_) && $_ ne "/" } $home, $job->{base}, parameter("debs"), parameter("meta");
    my @hidden = ("$job->{base}/jobs", map { "$home/$_" } qw(.ssh .gnupg));
    my $agent = defined $ENV{SSH_AUTH_SOCK} ? $ENV{SSH_AUTH_SOCK} : "";
    push @hidden, $agent if $agent =~ s{/[^/]+\z}{} && $agent !~ m{\A(?:/tmp|/var/tmp|/run|/var/run|)\z};
    return { area => $job->{area}, read_only => \@read_only, hidden => [ grep { index("$job->{area}/", "$_/") } @hidden ] };
}

# Runs the builder under its limits. Returns when it ended well; gives up with the sentence otherwise.
sub build {
    my ($job, $log) = @_;
    $job->{output} = "$job->{area}/out";
    make_plain_folder("$job->{area}/$_") for qw(out home tmp);
    my $builder = $BUILDERS{ parameter("builder", "automatic") }
        or give_up("refused", "there is no builder \"" . parameter("builder") . "\"");
    my $command = $builder->($job);
    $command->{folder} = $job->{tree};
    $command->{environment} = build_environment($job);
    $command->{cage} = cage_of($job);
    my ($child, $isolation, $why) = start_build($command, parameter("isolation", "auto"));
    event("isolation", $isolation, $why);
    load_stacks();
    my ($total, $silence) = map { parameter($_) / 1000 } qw(total silence);
    my $result = finish_child($child, $log, undef, seconds => $total, silence => $silence);
    end_descendants($REPOSITORY{history_child} ? ($REPOSITORY{history_child}{pid} => 1) : ());
    give_up_wanted($result->{ended});
    give_up("failed", sprintf("the build took longer than %g s and was ended", $total)) if $result->{ended} eq "total";
    give_up("failed", sprintf("the build was silent for %g s and was ended", $silence)) if $result->{ended} eq "silence";
    return unless $result->{status} || $result->{signal};
    my $name = $command->{argv}[0];
    give_up("failed", "the builder \"$name\" is not there or cannot be run on the build host; see the end of the log")
        if $result->{status} == 127 || $result->{status} == 126;
    give_up("failed", "the build " . how_ended($result));
}

# Not synced: areas of builds are thrown away after a crash.
sub make_plain_folder {
    my ($path) = @_;
    mkdir $path, 0755 or give_up("infrastructure", "$path: cannot be made: $!");
}
