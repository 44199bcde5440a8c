#include "store/refs.h"

namespace gachette::store {

using sqlite::Connection;
using sqlite::Query;

void remember_refs(Connection& connection, const std::vector<SeenRef>& refs) {
    for (const SeenRef& ref : refs) {
        if (ref.deleted)
            connection.run("DELETE FROM refs WHERE project = ?1 AND ref = ?2", ref.project, ref.ref);
        else
            connection.run(
                "INSERT INTO refs VALUES (?1, ?2, ?3, ?4) ON CONFLICT (project, ref) DO UPDATE SET object_id = "
                "excluded.object_id, commit_id = excluded.commit_id",
                ref.project, ref.ref, ref.id, ref.commit);
    }
}

bool known_so(Connection& connection, const std::vector<SeenRef>& refs) {
    for (const SeenRef& ref : refs) {
        Query row(connection, "SELECT object_id, commit_id FROM refs WHERE project = ?1 AND ref = ?2");
        const bool expected = !ref.id.empty() || !ref.commit.empty();
        if (row.bind(ref.project, ref.ref).step() != expected) return false;
        if (expected && (row.text(0) != ref.id || row.text(1) != ref.commit)) return false;
    }
    return true;
}

std::optional<std::vector<SeenRef>> read_refs(Connection& connection, const std::string& project,
                                              const std::string& address) {
    if (connection.text("SELECT address FROM asked WHERE project = ?1", project) != address) return std::nullopt;
    std::vector<SeenRef> refs;
    Query rows(connection, "SELECT ref, object_id, commit_id FROM refs WHERE project = ?1 ORDER BY ref");
    rows.bind(project);
    while (rows.step()) refs.push_back({project, rows.text(0), rows.text(1), rows.text(2), false});
    return refs;
}

void note_refs(Connection& connection, const std::string& project, const std::string& address,
               const std::vector<SeenRef>& refs) {
    const auto before = connection.text("SELECT address FROM asked WHERE project = ?1", project);
    if (before && *before != address) connection.run("DELETE FROM refs WHERE project = ?1", project);
    connection.run("INSERT INTO asked VALUES (?1, ?2) ON CONFLICT (project) DO UPDATE SET address = excluded.address",
                   project, address);
    for (const SeenRef& ref : refs)
        connection.run(
            "INSERT INTO refs VALUES (?1, ?2, ?3, ?4) ON CONFLICT (project, ref) DO UPDATE SET object_id = "
            "excluded.object_id, commit_id = excluded.commit_id WHERE object_id = '' AND commit_id = ''",
            project, ref.ref, ref.id, ref.commit);
}

void forget_ref(Connection& connection, const SeenRef& ref) {
    connection.run("DELETE FROM refs WHERE project = ?1 AND ref = ?2 AND object_id = ?3 AND commit_id = ?4",
                   ref.project, ref.ref, ref.id, ref.commit);
}

}  // namespace gachette::store
