# The mode "refs": tells the branches and tags of a repository and ends. Nothing is fetched, nothing is kept.
#
# Parameters: url. Events: ref NAME ID COMMIT, COMMIT being ID with tags peeled.

my $MOST_REFS = 50_000;
my $REFS_SECONDS = 45;    # the other side waits a minute for a sign of life

sub tell_refs {
    my $url = parameter("url");
    give_up("refused", "the build host does not take url \"" . encode_value($url) . "\"")
        if $url eq "" || $url =~ /[\x00-\x20\x7f]|::/ || $url =~ /\A-/ || length $url > 2000;
    %REPOSITORY = (url => $url);
    fcntl(STDIN, F_SETFL, (fcntl(STDIN, F_GETFL, 0) || 0) | O_NONBLOCK);
    @LINK{qw(control ends_with_it)} = (\*STDIN, 1);    # nobody waits for the answer then
    my $result = run_tool(argv => [ "git", "ls-remote", "--quiet", "--heads", "--tags", "--end-of-options", $url ],
        environment => git_environment({}), seconds => $REFS_SECONDS);
    if ($result->{ended} || $result->{status} || $result->{signal}) {
        $REPOSITORY{trouble} = $result->{ended} ? "no answer in time" : last_words($result->{errors});
        out_of_reach($url);
    }
    my (@names, %id, %peeled);
    for my $line (split /\n/, $result->{output}) {
        next unless $line =~ m{\A([0-9a-f]{40}|[0-9a-f]{64})\t(refs/(?:heads|tags)/.+?)(\^\{\})?\z}s && valid_ref($2);
        if ($3) { $peeled{$2} = $1 }
        elsif (!exists $id{$2}) { push @names, $2; $id{$2} = $1 }
    }
    give_up("refused", "the repository $url has more than $MOST_REFS branches and tags; so many are not compared")
        if @names > $MOST_REFS || length $result->{output} >= 1 << 24;
    event("ref", $_, $id{$_}, $peeled{$_} || $id{$_}) for @names;
}
