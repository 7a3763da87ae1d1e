#include <vector>
#include <cstdio>
int main() { puts("index"); fflush(stdout); std::vector<char> v; v.resize(4000000000UL); printf("%zu\n", v.size()); }
