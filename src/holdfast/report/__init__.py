"""What a result looks like: numbers for pictures (`panels`), pictures (`charts`), one HTML file (`html`)."""
