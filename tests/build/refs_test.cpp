// What a repository says its refs are, asked over the local shell.
#include <catch2/catch.hpp>

#include "base/error.h"
#include "build/refs.h"
#include "remote/local_shell.h"
#include "tests/build/site.h"

using namespace gachette;
using namespace gachette::testing;

namespace {

std::vector<build::RemoteRef> refs_of(const BuildSite& site, const std::string& url) {
    Project project;
    project.name = "x";
    project.url = url;
    const SystemClock clock;
    return build::list_refs(*remote::make_local_shell(site.host()), site.host(), project, clock).value();
}

std::string trouble_of(const BuildSite& site, const std::string& url) {
    try {
        refs_of(site, url);
        return "answered";
    } catch (const HostError& problem) {
        return problem.what();
    }
}

}  // namespace

TEST_CASE("branches and tags are told with what they mean, other refs are not") {
    BuildSite site;
    const std::string first = site.commit({{"a", "1"}});
    site.git({"branch", "feature/a"});
    site.git({"tag", "-a", "v1", "-m", "tag"});
    site.git({"tag", "light"});
    site.git({"update-ref", "refs/pull/1/head", first});
    site.git({"update-ref", "refs/heads/not-\xff-utf8", first});
    const std::string head = site.git({"symbolic-ref", "HEAD"});
    CHECK(refs_of(site, site.url()) ==
          std::vector<build::RemoteRef>{{"refs/heads/feature/a", first, first},
                                        {head, first, first},
                                        {"refs/tags/light", first, first},
                                        {"refs/tags/v1", site.git({"rev-parse", "refs/tags/v1"}), first}});
}

TEST_CASE("a repository that cannot be asked, and addresses that are none") {
    const BuildSite site;
    const std::string gone = "file://" + (site.folder() / "gone");
    CHECK(trouble_of(site, gone) ==
          "the repository " + gone + " cannot be reached from the build host: fatal: '" + (site.folder() / "gone") +
              "' does not appear to be a git repository; check the address and the key of the build host's user");
    for (const std::string bad : {"", "-oProxyCommand=x", "ext::sh -c x", "a b"})
        CHECK(trouble_of(site, bad).find("the build host does not take url \"") == 0);
}
