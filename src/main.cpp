// gachette: from a signed push to packages in a stack. What it can do is the table in cli/catalog.cpp.
#include <csignal>
#include <iostream>

#include "cli/run.h"

int main(int count, char** words) {
    std::ios::sync_with_stdio(false);
    return gachette::cli::run({words + 1, words + count}, std::cout, std::cerr);
}
