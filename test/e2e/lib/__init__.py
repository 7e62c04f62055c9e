"""What the end-to-end tests, the benches and the demo share: real daemons, test images, faulty servers."""
