/** How Linux lays out its structures and numbers its requests, and the one way into libc. */
package dev.torpor.linux.abi;
