# What was built is what lies there: regular .deb files of the private output folder, their control data, their SHA-256.
# What a build printed is never asked.

sub without_epoch { my ($version) = @_; $version =~ s/\A[0-9]+://; return $version }

# The .deb files of a folder; gives up on links, odd names, too many, too much.
sub found_files {
    my ($folder) = @_;
    opendir(my $handle, $folder) or give_up("failed", "the build removed its output folder");
    my @names = sort grep { /\.deb\z/s } readdir $handle;
    my $bytes = 0;
    give_up("failed", "the build made no packages in GACHETTE_OUTPUT") unless @names;
    my ($most, $most_bytes) = (parameter("packages", 100), parameter("package_bytes", 2147483648));
    give_up("failed", sprintf("the build made %d packages; at most %d are allowed", scalar @names, $most)) if @names > $most;
    for my $name (@names) {
        (my $shown = $name) =~ s/[^\x20-\x7e]/?/g;
        give_up("failed", "the build made a package file named \"$shown\"; only letters, digits and . _ + ~ - are allowed, "
            . "at most 200") unless valid_deb_file($name);
        lstat "$folder/$name";
        give_up("failed", "$name is not a regular file; links are not taken") unless -f _;
        own_file("$folder/$name") if (lstat _)[3] != 1;
        $bytes += -s "$folder/$name";
    }
    give_up("failed", "the packages have $bytes bytes; at most $most_bytes are allowed") if $bytes > $most_bytes;
    return @names;
}

# A file with further names (hard links) is replaced by a copy, so that nobody changes it through another name later.
sub own_file {
    my ($path) = @_;
    my $result = run_tool(argv => [ "cp", "--", $path, "$path.copy" ], environment => { PATH => $ENV{PATH} }, seconds => 600);
    rename("$path.copy", $path) or give_up("infrastructure", "$path: cannot be copied: " . last_words($result->{errors}));
}

# Name, version and architecture of each file, all read at once; in the order of the files.
sub control_data {
    my ($folder, @names) = @_;
    my @read;
    my @waiting = @names;
    while (my @batch = splice(@waiting, 0, 4)) {
        my @children = map {
            my $name = $_;
            start_child(undef, 0, sub {
                become({ argv => [ "dpkg-deb", "-f", "$folder/$name", "Package", "Version", "Architecture" ],
                    environment => { PATH => $ENV{PATH}, LC_ALL => "C.UTF-8", TMPDIR => $ENV{TMPDIR} || "/tmp" } });
            })
        } @batch;
        for my $child (@children) {
            my $text = "";
            my $result = finish_child($child, sub { $text .= $_[0] if length $text < 65536 }, undef, seconds => 60);
            give_up_wanted($result->{ended});
            my $name = shift @batch;
            give_up("failed", "$name is no Debian package that dpkg-deb can read")
                if $result->{status} || $result->{signal} || $result->{ended};
            my %field = map { /\A([A-Za-z]+): ([^\n]*)\z/ ? ($1 => $2) : () } split /\n/, $text;
            push @read, { file => $name, name => $field{Package}, version => $field{Version},
                architecture => $field{Architecture} };
        }
    }
    return @read;
}

sub digests {
    my ($folder, @names) = @_;
    my $result = run_tool(argv => [ "sha256sum", "--", map { "$folder/$_" } @names ],
        environment => { PATH => $ENV{PATH}, LC_ALL => "C" }, seconds => 3600);
    my @sums = $result->{output} =~ /^\\?([0-9a-f]{64}) /mg;
    give_up("infrastructure", "the packages cannot be read: " . last_words($result->{errors})) if @sums != @names;
    return @sums;
}

# The "Built:" lines of the packager's contract, as hints only: which version it says a file has.
sub built_hints {
    my ($path) = @_;
    my %hint;
    sysopen(my $handle, $path, O_RDONLY) or return;
    my ($rest, $count) = ("", 0);
    while (sysread($handle, my $bytes, 65536)) {
        $rest .= $bytes;
        while ($rest =~ s/\A([^\n]*)\n//) {
            next unless substr($1, 0, 8) eq "Built: {" && length $1 < 4096 && ++$count <= 1000;
            my %said;
            my $line = $1;
            $said{$1} = $2 while $line =~ /u?'(name|version|file_name)': u?'([^'\\]*)'/g;
            $hint{ $said{file_name} } = $said{version} if defined $said{file_name} && defined $said{version};
        }
        $rest = "" if length $rest > 65536;
    }
    return \%hint;
}

# The packages of a build: ({name, version, architecture, file, sha256, size}, ...), all checked.
sub collect {
    my ($job) = @_;
    my @names = found_files($job->{output});
    my @packages = control_data($job->{output}, @names);
    my @sums = digests($job->{output}, @names);
    my %asked = map { without_epoch($_) => 1 } grep { $_ ne "" } $job->{version}, values %{ $job->{versions} || {} };
    my ($hints, %seen);
    for my $package (@packages) {
        my $file = $package->{file};
        my ($name, $version, $architecture) = map { defined $_ ? $_ : "" } @$package{qw(name version architecture)};
        $package->{sha256} = shift @sums;
        $package->{size} = -s "$job->{output}/$file";
        s/[^\x20-\x7e]/?/g for my ($shown_name, $shown_version) = ($name, $version);
        give_up("failed", "$file: its package name \"$shown_name\" is not one of Debian's") unless valid_package($name);
        give_up("failed", "$file: its version \"$shown_version\" is not one of Debian's") unless valid_version($version);
        give_up("failed", "$file: its architecture is not one of Debian's") unless $architecture =~ /\A[a-z0-9-]{1,40}\z/;
        give_up("failed", "package $name was built twice: $seen{$name} and $file") if exists $seen{$name};
        $seen{$name} = $file;
        next if !%asked || $asked{ without_epoch($version) };
        $hints ||= built_hints($job->{log_path}) || {};
        my $said = $hints->{$file};
        next if parameter("trebuchet") ne "" && $job->{missile} && defined $said && $said eq $version;
        give_up("failed", "$file has version $version, but $job->{version} was asked for; "
            . "the builder must take it from GACHETTE_VERSION");
    }
    return @packages;
}
