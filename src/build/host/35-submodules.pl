# Submodules, one level, only for projects that ask: each is fetched by the commit that the tree names into a store of its
# own and checked out like the project itself. git's own submodule command is not used: it would read configuration from
# places that a build can write.

# The gitlinks of a tree: ([path, commit], ...).
sub gitlinks {
    my ($tree) = @_;
    my $result = tree_git($tree, "ls-files", "--stage", "-z");
    my @links;
    for my $entry (split /\0/, $result->{output}) {
        push @links, [ $2, $1 ] if $entry =~ /\A160000 ([0-9a-f]+) 0\t(.+)\z/s;
    }
    return @links;
}

# Addresses by path, from .gitmodules of the commit.
sub submodule_addresses {
    my ($tree, $commit) = @_;
    my $result = git($tree->{store}, "config", "--null", "--blob", "$commit:.gitmodules", "--list");
    my (%path, %url, %found);
    for my $entry (split /\0/, $result->{output}) {
        next unless $entry =~ /\Asubmodule\.(.*)\.(path|url)\n(.*)\z/s;
        $2 eq "path" ? ($path{$1} = $3) : ($url{$1} = $3);
    }
    $found{ $path{$_} } = $url{$_} for grep { defined $url{$_} } keys %path;
    return %found;
}

# An address that begins with ./ or ../ is seen from the project's own.
sub absolute_address {
    my ($base, $url) = @_;
    return $url unless $url =~ m{\A\.\.?/};
    $base =~ s{/+\z}{};
    my $joint = "/";
    while ($url =~ s{\A(\.\.?)/}{}) {
        next if $1 eq ".";
        $base =~ s{([/:])[^/:]*\z}{} or return "";
        $joint = $1;
    }
    return "$base$joint$url";
}

# Only what the project's own address could be; files only for a project that is itself a folder.
sub allowed_submodule {
    my ($url, $base) = @_;
    return 0 if $url =~ /[\x00-\x20\x7f]/ || $url =~ /\A-/ || $url =~ /::/ || length $url > 1000;
    return $base =~ m{\A(?:file:///|/)} if $url =~ m{\A(?:file:///|/)};
    return 1 if $url =~ m{\A(?:https|http|ssh|git)://(?!-)(?:[^/@]*@)?(?!-)[A-Za-z0-9.\[\]:_-]+/[^-]};
    return $url =~ m{\A(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9._-]*:(?!-)[^:]} && $url !~ m{\A-|@-|://};
}

sub sha256_of_text {
    my ($text) = @_;
    my $result = run_tool(argv => ["sha256sum"], input => $text, environment => { PATH => $ENV{PATH} });
    return $result->{output} =~ /\A([0-9a-f]{64})/ ? $1 : give_up("infrastructure", "sha256sum does not work here");
}

sub check_out_submodules {
    my ($base, $tree, $commit, $slot, $wanted) = @_;
    return unless lstat "$tree->{folder}/.gitmodules";
    my %address = $wanted ? submodule_addresses($tree, $commit) : ();
    my @notes;
    for my $link (gitlinks($tree)) {
        my ($path, $id) = @$link;
        my $folder = "$tree->{folder}/$path";
        unless ($wanted) {
            remove_tree($folder);
            mkdir $folder;
            next;
        }
        my $url = absolute_address(address(), defined $address{$path} ? $address{$path} : "");
        give_up("failed", "submodule $path: .gitmodules gives no address for it") if $url eq "";
        give_up("failed", "submodule $path: the address \"$url\" is not allowed; https, ssh and git are")
            unless allowed_submodule($url, address());
        my $key = substr(sha256_of_text($url), 0, 12);
        my $mine = substr(sha256_of_text($path), 0, 12);
        my $store = open_store("$base/store/submodule-$key.git");
        read_commit($store, $id) || bring_commit($store, $url, $id, "", "$slot-$mine");
        my $sub = { store => $store, folder => $folder, index => "$tree->{index}-$mine" };
        check_out($sub, $id);
        give_repository($sub, $id);
    }
}
