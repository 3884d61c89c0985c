// Command floor is the least a Go file server can be: net/http and
// http.ServeContent, nothing between. What the daemon loses against it is the
// price of its own layers.
//
//	floor ADDRESS FOLDER
//
// GET /NAME sends FOLDER/NAME; anything else gets 202 with an empty body, like
// the daemon's answer for a mod that it does not have yet.
package main

import (
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: floor ADDRESS FOLDER")
	}
	root, err := os.OpenRoot(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(root, w, r) }),
	}
	log.Fatal(server.Serve(l))
}

func serve(root *os.Root, w http.ResponseWriter, r *http.Request) {
	f, err := root.Open(r.URL.Path[1:])
	if err != nil {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		http.Error(w, "cannot stat", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/zip")
	http.ServeContent(w, r, "", info.ModTime(), f)
}
