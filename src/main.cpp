#include <cstdio>
int main() { std::puts("gachette"); }
