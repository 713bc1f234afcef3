// message: never seen
int main() {}
