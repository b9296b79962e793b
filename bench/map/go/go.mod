module millrace.dev/bench/map

go 1.19
