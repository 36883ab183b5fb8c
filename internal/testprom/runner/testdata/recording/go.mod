module example.org/recording

go 1.26
