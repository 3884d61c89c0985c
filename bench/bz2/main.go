// Command bz2 is the encoder of FastDL as a program of its own, so that it can
// be measured beside bzip2: standard input comes out compressed.
//
//	bz2 LEVEL <FILE >FILE.bz2
package main

import (
	"context"
	"log"
	"os"
	"strconv"

	"github.com/quartermasterd/quartermaster/daemon/workshop/fastdl/bzip"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: bz2 LEVEL <FILE >FILE.bz2")
	}
	level, err := strconv.Atoi(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if _, err := bzip.Compress(context.Background(), os.Stdout, os.Stdin, level); err != nil {
		log.Fatal(err)
	}
}
