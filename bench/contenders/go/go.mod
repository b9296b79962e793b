module millrace.bench/go-channels

go 1.19
