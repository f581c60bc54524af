// The scenarios of test_real_http_servers.py on Go's net/http, which most sinks in a cluster are.
// Usage: server PORT TLS_PORT CERTIFICATE KEY
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

const limit = 1024

func serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/limited" && r.ContentLength > limit {
		w.Header().Set("Connection", "close")
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	}
	size, _ := io.Copy(io.Discard, r.Body)
	switch r.URL.Path {
	case "/none":
		w.WriteHeader(http.StatusNoContent)
	case "/busy":
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, "busy")
	case "/chunked":
		fmt.Fprint(w, strings.Repeat("x", 3000))
		w.(http.Flusher).Flush()
		fmt.Fprint(w, strings.Repeat("y", 3000))
	case "/close":
		w.Header().Set("Connection", "close")
		fmt.Fprint(w, "ok")
	case "/hints":
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		fmt.Fprint(w, "ok")
	case "/cut":
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	case "/abort":
		panic(http.ErrAbortHandler)
	case "/size":
		fmt.Fprint(w, size)
	default:
		fmt.Fprint(w, "ok")
	}
}

func main() {
	server := func(port string) *http.Server {
		return &http.Server{
			Addr: "127.0.0.1:" + port, Handler: http.HandlerFunc(serve), IdleTimeout: time.Minute,
		}
	}
	failed := make(chan error)
	go func() { failed <- server(os.Args[1]).ListenAndServe() }()
	go func() { failed <- server(os.Args[2]).ListenAndServeTLS(os.Args[3], os.Args[4]) }()
	fmt.Fprintln(os.Stderr, <-failed)
	os.Exit(1)
}
